import type {
  Attempt,
  AttemptListener,
  Grant,
  HolderInfo,
  LeaseRequest,
  Progress,
} from '../lock-store.js';
import { soonOutside } from '../../outside.js';
import type { MemoryQueue } from './memory-queue.js';

/** What an attempt needs of the store it was made by. */
export interface AttemptHost {
  /** The reason, once the store is closed: it grants nothing any more. */
  closed(): Error | undefined;
  holdersOf(key: string): readonly HolderInfo[];
  /** A waiter has left. */
  left(attempt: MemoryAttempt): void;
  /** A grant goes back that nobody was told of. */
  giveBack(grant: Grant): void;
}

/**
 * - `new`: made, and not answered yet; over before `acquire` returns
 * - `waiting`: in the key's queue
 * - `granted`: has the lock, and its listener is to hear of it
 * - `holding`: the listener has heard; the grant is its own, to be released
 * - `refused`, `failed`: there is no lock
 * - `left`: given up, whatever it was; nothing is told any more
 */
export type AttemptState =
  'new' | 'waiting' | 'granted' | 'holding' | 'refused' | 'failed' | 'left';

const UNANSWERED: Progress = { state: 'unanswered' };

/** One request, from asking to its end. */
export class MemoryAttempt implements Attempt {
  /** Memory always answers. */
  readonly silence = undefined;
  state: AttemptState = 'new';
  /** Its neighbours in the queue. */
  before: MemoryAttempt | undefined;
  behind: MemoryAttempt | undefined;

  private grant: Grant | undefined;
  private refusal: Progress | undefined;

  constructor(
    readonly request: LeaseRequest,
    private readonly listener: AttemptListener,
    private readonly host: AttemptHost,
  ) {}

  get progress(): Progress {
    if (this.state !== 'waiting') return this.refusal ?? UNANSWERED;
    return { state: 'queued', holders: this.host.holdersOf(this.request.key) };
  }

  waitIn(queue: MemoryQueue): void {
    this.state = 'waiting';
    queue.push(this);
  }

  give(grant: Grant): void {
    this.state = 'granted';
    this.grant = grant;
    soonOutside(() => {
      if (this.state !== 'granted') return;
      const closed = this.host.closed();
      this.state = closed ? 'failed' : 'holding';
      if (closed) this.listener.failed(closed);
      else this.listener.granted(grant);
    });
  }

  refuse(holders: readonly HolderInfo[]): void {
    this.state = 'refused';
    this.refusal = { state: 'refused', holders };
    soonOutside(() => {
      if (this.state === 'refused') this.listener.refused(holders);
    });
  }

  fail(error: Error): void {
    this.state = 'failed';
    soonOutside(() => {
      if (this.state === 'failed') this.listener.failed(error);
    });
  }

  leave(): void {
    const { state, grant } = this;
    if (state === 'holding') return;
    this.state = 'left';
    if (state === 'waiting') this.host.left(this);
    else if (state === 'granted' && grant) this.host.giveBack(grant);
  }
}
