import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { checkOptionNames, checkTime } from '../lock/checks.js';
import { LockService } from '../lock/lock.service.js';
import { LockError } from '../lock/lock.errors.js';
import type { LockCounts } from '../lock/queue/key-queues.js';

/** What one check may be told. */
export interface LockHealthOptions {
  /** How long the store has to answer, in ms. 1 to 2 147 483 647. @default 500 */
  readonly timeout?: number | undefined;
  /** The service to ask, where there are several. @default the `LockService` that is injected by its class */
  readonly locks?: LockService | undefined;
}

/** What a check says beside `status`. */
export interface LockHealth extends LockCounts {
  /** How long the store took to answer, in ms; left out when it did not. */
  readonly roundTripMs?: number;
  /** What is wrong, without names of hosts or keys; left out when nothing is. */
  readonly message?: string;
}

const DEFAULT_TIMEOUT = 500;
/** Looked at, and never taken. */
const PROBE_KEY = 'nest-locked:health';

/**
 * Whether locks can be had: a round trip to the store, with a deadline of its own, and how many locks this
 * process holds, waits for and is not sure of. Provide it in a module that imports `TerminusModule`.
 *
 * @example
 * ```ts
 * @Controller('health')
 * export class HealthController {
 *   constructor(
 *     private readonly health: HealthCheckService,
 *     private readonly locks: LockHealthIndicator,
 *   ) {}
 *
 *   @Get()
 *   @HealthCheck()
 *   check() {
 *     return this.health.check([() => this.locks.isHealthy('locks', { timeout: 300 })]);
 *   }
 * }
 * ```
 */
@Injectable()
export class LockHealthIndicator {
  constructor(
    @Inject(HealthIndicatorService) private readonly health: HealthIndicatorService,
    @Inject(LockService) private readonly locks: LockService,
  ) {}

  /**
   * @param name what the check is called in the answer
   * @returns up, or down when the store did not answer in time or answered with an error
   * @throws LockUsageError for a bad option
   */
  async isHealthy<const Name extends string = 'locks'>(
    name: Name = 'locks' as Name,
    options: LockHealthOptions = {},
  ): Promise<HealthIndicatorResult<Name, 'up' | 'down', LockHealth>> {
    checkOptionNames(options, ['timeout', 'locks']);
    const { timeout = DEFAULT_TIMEOUT, locks = this.locks } = options;
    checkTime('timeout', timeout, 1);
    const check = this.health.check(name);
    const since = performance.now();
    const problem = await probe(locks, timeout);
    const counts = locks.counts();
    if (problem !== undefined) return check.down({ ...counts, message: problem });
    return check.up({ ...counts, roundTripMs: Math.round(performance.now() - since) });
  }
}

/** @returns what is wrong; undefined when the store has answered */
async function probe(locks: LockService, timeout: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => {
      resolve(`the lock store gave no answer in ${timeout} ms`);
    }, timeout);
  });
  const answer = locks.inspect(PROBE_KEY).then(() => undefined, describe);
  const problem = await Promise.race([answer, late]);
  clearTimeout(timer);
  return problem;
}

/** The message of an error may name a server. */
function describe(error: unknown): string {
  const code = error instanceof LockError ? error.code : 'UNKNOWN';
  return `the lock store did not answer as it should: ${code}`;
}
