import type { Attempt, AttemptListener, LeaseRequest } from '../../lib/stores/lock-store.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';

/** How many tokens a grant has for hand-overs. */
const RANGE = 1_000;

/**
 * In the same process, and yet a round trip away for the service: callers hand locks over to each
 * other inside the process. The range of a grant is only kept from others when it is released.
 */
export class FarStore extends MemoryStore {
  override readonly traits = { localHandOver: true, leases: 'each' } as const;

  override acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    return super.acquire(request, {
      granted: (grant) => listener.granted({ ...grant, lastToken: grant.token + RANGE }),
      refused: (holders) => listener.refused(holders),
      failed: (error) => listener.failed(error),
    });
  }
}
