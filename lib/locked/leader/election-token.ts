import { inspect } from 'node:util';
import { Inject } from '@nestjs/common';
import { LeaderElection } from '../../leader/leader-election.js';
import { LockUsageError } from '../../lock/lock.errors.js';

/**
 * What Nest knows an election by: the class, or for one with a name a string.
 * @throws LockUsageError when the name is not a non-empty string
 */
export function getLeaderElectionToken(name?: string): typeof LeaderElection | string {
  if (name === undefined) return LeaderElection;
  if (typeof name === 'string' && name !== '') return `LeaderElection:${name}`;
  throw new LockUsageError(
    `the name of an election is a non-empty string, received ${inspect(name)}`,
  );
}

/**
 * Injects the election that was registered with a name. One without is injected by its class.
 *
 * @example
 * ```ts
 * constructor(@InjectLeaderElection('billing') private readonly election: LeaderElection) {}
 * ```
 */
export function InjectLeaderElection(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getLeaderElectionToken(name));
}
