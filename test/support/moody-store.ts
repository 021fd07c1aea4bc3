import type {
  Attempt,
  AttemptListener,
  LeaseRequest,
  Silence,
} from '../../lib/stores/lock-store.js';
import { FarStore } from './far-store.js';
import type { Gate } from './gate.js';

/** Far away, so that callers share a queue: is silent, slow or failing when it is told to be. */
export class MoodyStore extends FarStore {
  /** Set while it answers nothing. */
  silence: Silence | undefined;
  /** What is granted is told when this opens. */
  slow: Gate | undefined;
  /** What it answers with. */
  failure: Error | undefined;
  asked = 0;
  leaves = 0;

  override acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    this.asked += 1;
    const { failure } = this;
    if (failure) {
      queueMicrotask(() => listener.failed(failure));
      return { progress: { state: 'unanswered' }, silence: undefined, leave: () => undefined };
    }
    const attempt = this.silence ? undefined : super.acquire(request, this.slowly(listener));
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
        attempt?.leave();
      },
    };
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
