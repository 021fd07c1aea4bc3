import type { Clock, Instant } from '../../clock.js';

/**
 * Until when the holder of a lease may believe in it: from a moment before the command was sent,
 * less 1 % and 2 ms for clocks that do not run alike, on both clocks of this process.
 */
export function validUntil(from: Instant, leaseTime: number): Instant {
  const believed = leaseTime * 0.99 - 2;
  return { mono: from.mono + believed, wall: from.wall + believed };
}

/**
 * Ms until the earlier of the two clocks reaches `until`; negative when it has passed.
 * @param mono the monotonic clock, where it has just been read
 */
export function remaining(until: Instant, clock: Clock, mono = clock.mono()): number {
  return Math.min(until.mono - mono, until.wall - clock.wall());
}
