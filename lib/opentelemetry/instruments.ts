import type { Counter, Histogram, Meter, UpDownCounter } from '@opentelemetry/api';

/** From half a millisecond, for a lock that is free on a Redis nearby, to the default `waitTime`. */
const WAITS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** To the ten minutes after which a forgotten handle is given back. */
const HOLDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/** The instruments; all times in seconds, as OpenTelemetry has it. */
export class LockInstruments {
  readonly acquireDuration: Histogram;
  readonly holdDuration: Histogram;
  readonly renewalDuration: Histogram;
  readonly held: UpDownCounter;
  readonly waiting: UpDownCounter;
  readonly lost: Counter;
  readonly proceededUnlocked: Counter;

  constructor(meter: Meter) {
    this.acquireDuration = meter.createHistogram('nest_locked.acquire.duration', {
      description: 'How long callers waited for a lock, whether they got it or not',
      unit: 's',
      advice: { explicitBucketBoundaries: WAITS },
    });
    this.holdDuration = meter.createHistogram('nest_locked.hold.duration', {
      description: 'How long locks were held',
      unit: 's',
      advice: { explicitBucketBoundaries: HOLDS },
    });
    this.renewalDuration = meter.createHistogram('nest_locked.renewal.duration', {
      description: 'How long the store took to renew a lease',
      unit: 's',
      advice: { explicitBucketBoundaries: WAITS },
    });
    this.held = meter.createUpDownCounter('nest_locked.held', {
      description: 'Locks that this process holds',
      unit: '{lock}',
    });
    this.waiting = meter.createUpDownCounter('nest_locked.waiting', {
      description: 'Callers of this process on their way to a lock',
      unit: '{caller}',
    });
    this.lost = meter.createCounter('nest_locked.lost', {
      description: 'Locks that were lost while they were held',
      unit: '{lock}',
    });
    this.proceededUnlocked = meter.createCounter('nest_locked.proceeded_unlocked', {
      description: "Calls that ran without their lock, as whenUnavailable: 'proceed' says",
      unit: '{call}',
    });
  }
}
