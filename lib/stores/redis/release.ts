import type { Clock, Instant } from '../../clock.js';
import type { HeldLease } from '../lock-store.js';
import type { Answer } from './group-commit.js';
import { isPermanent, rideOf, type ReleaseReply, type Ride } from './lock-reply.js';

/** What a release needs of its store. */
export interface ReleaseHost {
  readonly clock: Clock;
  sendRelease(lease: ReleasedLease, answer: Answer): void;
  /** The lock went to a waiter of this process, and came along with the reply. */
  ride(ride: Ride, sent: Instant): void;
}

/** Who waits for the answer to a release. */
export interface ReleaseTold {
  answered(ours: boolean): void;
  failed(error: Error): void;
}

/** `leaseTime` is needed to find the place of one who still stands in line. */
export type ReleasedLease = HeldLease & { readonly leaseTime?: number };

/** After an error it is tried again after this, and for so long, in ms. */
const AGAIN = 250;
const ATTEMPTS = 120;

/**
 * Gives a lock back, or leaves the line, or passes on what was granted meanwhile: whatever Redis
 * knows of an owner. After an error it is tried again for as long as it could matter, whoever has
 * stopped waiting for the answer.
 */
export class Release implements Answer {
  private attempts = 0;

  constructor(
    private readonly lease: ReleasedLease,
    private readonly host: ReleaseHost,
    private readonly told: ReleaseTold | undefined,
  ) {}

  send(): void {
    this.attempts += 1;
    this.host.sendRelease(this.lease, this);
  }

  settle(reply: unknown, sent: Instant, repeated: boolean): void {
    const released = reply as ReleaseReply;
    const ride = Array.isArray(released) ? rideOf(released[0]) : undefined;
    if (ride) this.host.ride(ride, sent);
    // Sent twice, the second answer is "not yours": the first, which was lost, was not.
    const again = repeated || this.attempts > 1;
    this.told?.answered(ride !== undefined || Number(released) === 1 || again);
  }

  fail(error: Error, final: boolean): void {
    this.told?.failed(error);
    if (!final || isPermanent(error) || this.attempts === ATTEMPTS) return;
    this.host.clock.after(AGAIN, () => this.send(), true);
  }
}
