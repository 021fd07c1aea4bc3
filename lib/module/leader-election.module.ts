import { ConfigurableModuleBuilder, Logger, Module } from '@nestjs/common';
import { LeaderElection } from '../leader/leader-election.js';
import type { LeaderElectionSettings } from '../leader/leader-options.js';
import { LockService } from '../lock/lock.service.js';
import { LockUsageError } from '../lock/lock.errors.js';
import { getLeaderElectionToken } from '../locked/leader/election-token.js';

/** What `LeaderElectionModule.register` and the factory of `registerAsync` take. */
export type LeaderElectionModuleOptions = LeaderElectionSettings;

/** What surrounds the options: how the election is known to the application. */
export interface LeaderElectionModuleExtras {
  /**
   * For `@LeaderOnly(name)` and `@InjectLeaderElection(name)`, where there are several elections.
   * @default none: `@LeaderOnly()`, and injected by its class
   */
  name?: string | undefined;
  /**
   * Whether every module can use it, without importing it.
   * @default false
   */
  isGlobal?: boolean | undefined;
}

/** By their names here the builder tells them from the options. */
const EXTRAS: LeaderElectionModuleExtras = { name: undefined, isGlobal: false };

const OPTIONS = Symbol('LEADER_ELECTION_OPTIONS');

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<LeaderElectionModuleOptions>({
  moduleName: 'LeaderElection',
  optionsInjectionToken: OPTIONS,
})
  .setExtras<LeaderElectionModuleExtras>(EXTRAS, (definition, { name, isGlobal = false }) => {
    const token = getLeaderElectionToken(name);
    const election = {
      provide: token,
      inject: [{ token: LockService, optional: true }, OPTIONS],
      useFactory: elect,
    };
    return {
      ...definition,
      global: isGlobal,
      providers: [...(definition.providers ?? []), election],
      exports: [token],
    };
  })
  .build();

function elect(
  locks: LockService | undefined,
  options: LeaderElectionModuleOptions,
): LeaderElection {
  if (!locks) {
    throw new LockUsageError(
      'LeaderElectionModule has no LockService: add RedisLockModule.forRoot() to the imports of the root module',
    );
  }
  const isObject = typeof options === 'object' && (options as object | null) !== null;
  // What is no object is for the election to refuse.
  const all = isObject ? { ...options, log: new Logger('LeaderElection') } : options;
  return new LeaderElection(locks, all);
}

/**
 * Elects one instance of the application: it runs when all modules are there, and steps down as the first
 * thing of a shutdown. Makes `LeaderElection` and `@LeaderOnly()` available to the module that imports it.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [LeaderElectionModule.register({ key: 'scheduler', leaseTime: 10_000 })],
 *   providers: [Reports],
 * })
 * export class ReportsModule {}
 *
 * LeaderElectionModule.registerAsync({
 *   name: 'billing',
 *   inject: [ConfigService],
 *   useFactory: (config: ConfigService) => ({ key: `billing:${config.getOrThrow('REGION')}` }),
 * })
 * ```
 */
@Module({})
export class LeaderElectionModule extends ConfigurableModuleClass {}
