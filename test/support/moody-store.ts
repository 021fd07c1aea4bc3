import {
  StoreUnavailableError,
  type Attempt,
  type AttemptListener,
  type ExtendRequest,
  type LeaseRequest,
  type Renewal,
  type Silence,
} from '../../lib/stores/lock-store.js';
import { FarStore } from './far-store.js';
import type { Gate } from './gate.js';

/** Far away, so that callers share a queue: is silent, slow or failing when it is told to be. */
export class MoodyStore extends FarStore {
  private muteness: Silence | undefined;
  /** What it was asked meanwhile. */
  private readonly unheard = new Set<() => void>();
  /** What is granted is told when this opens. */
  slow: Gate | undefined;
  /** What it answers with. */
  failure: Error | undefined;
  asked = 0;
  leaves = 0;

  /** Set while it answers nothing; what it was asked meanwhile it hears at the end of it. */
  get silence(): Silence | undefined {
    return this.muteness;
  }

  set silence(silence: Silence | undefined) {
    this.muteness = silence;
    if (silence) return;
    for (const ask of this.unheard) ask();
    this.unheard.clear();
  }

  override acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    this.asked += 1;
    const { failure } = this;
    if (failure) {
      queueMicrotask(() => listener.failed(failure));
      return { progress: { state: 'unanswered' }, silence: undefined, leave: () => undefined };
    }
    let attempt: Attempt | undefined;
    const ask = (): void => void (attempt = super.acquire(request, this.slowly(listener)));
    if (this.silence) this.unheard.add(ask);
    else ask();
    const silence = (): Silence | undefined => this.silence;
    return {
      get progress() {
        return attempt?.progress ?? { state: 'unanswered' };
      },
      get silence() {
        return silence();
      },
      leave: () => {
        this.leaves += 1;
        this.unheard.delete(ask);
        attempt?.leave();
      },
    };
  }

  override extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
    if (!this.silence) return super.extend(leases);
    return leases.map(() => Promise.reject(new StoreUnavailableError('silent')));
  }

  private slowly(listener: AttemptListener): AttemptListener {
    const { slow } = this;
    if (!slow) return listener;
    return {
      granted: (grant) => void slow.opened.then(() => listener.granted(grant)),
      refused: (holders) => listener.refused(holders),
      failed: (error) => listener.failed(error),
    };
  }
}
