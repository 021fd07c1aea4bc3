import { inspect } from 'node:util';
import type { Instant } from '../../clock.js';
import type { LockMode } from '../lock-mode.js';
import type { Grant } from '../lock-store.js';
import { holderOf } from '../owner.js';
import { LIMITED_TOKEN_RANGE, TOKEN_RANGE } from './protocol/limits.js';
import type { Entry } from './transport/entry.js';

/** A lock that was granted, and what its owner has under way. */
export class RedisGrant implements Grant {
  /** The last renewal or taking over that was asked for: the next one follows it. */
  renewal: Entry | undefined;

  constructor(
    readonly key: string,
    readonly mode: LockMode,
    /** What the owners of its process begin with. */
    readonly process: string,
    /** What follows the process in the owner's id. */
    readonly id: string,
    readonly token: number,
    readonly from: Instant,
    readonly leaseTime: number,
    /** What the owner asked before it was granted, if that is still under way. */
    readonly question: Entry | undefined,
  ) {}

  get owner(): string {
    return `${this.process}.${this.id}`;
  }

  get holder(): string {
    return holderOf(this.process) ?? '';
  }

  get lastToken(): number {
    if (this.mode.kind === 'exclusive') return this.token + TOKEN_RANGE;
    return this.mode.kind === 'limited' ? this.token + LIMITED_TOKEN_RANGE : this.token;
  }

  /** In a log it shows no secret. */
  [inspect.custom](): object {
    const { key, holder, token, leaseTime } = this;
    return { key, holder, token, leaseTime };
  }
}
