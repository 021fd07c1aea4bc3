import type { OnModuleInit } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { LockUsageError } from '../lock/lock.errors.js';
import { getLockServiceToken } from '../locked/service-token.js';

/** What a registration does when its application starts. */
export class RegistrationBoot implements OnModuleInit {
  /**
   * @param name of the registration; undefined for the one without
   * @param greet says hello to the store
   */
  constructor(
    private readonly modules: ModulesContainer,
    private readonly name: string | undefined,
    private readonly greet: () => void,
  ) {}

  /** @throws LockUsageError when another registration goes by the same name everywhere */
  onModuleInit(): void {
    const token = getLockServiceToken(this.name);
    const everywhere = [...this.modules.values()].filter(
      (module) => module.isGlobal && module.exports.has(token),
    );
    if (everywhere.length > 1) {
      const named = this.name === undefined ? 'without a name' : `with the name "${this.name}"`;
      throw new LockUsageError(
        `${everywhere.length} global lock modules ${named}: which of them a class gets would be chance. Give one a name, forRoot({ name: 'billing', … }), or import it where it is used, with isGlobal: false`,
      );
    }
    this.greet();
  }
}
