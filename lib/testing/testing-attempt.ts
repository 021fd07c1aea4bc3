import { soonOutside } from '../outside.js';
import type {
  Attempt,
  AttemptListener,
  Grant,
  HolderInfo,
  LeaseRequest,
  LockStore,
  Progress,
} from '../stores/lock-store.js';

/** Whom an attempt tells of itself. */
export interface TestingHost {
  /** @returns the grant as its holder is to have it */
  granted(grant: Grant): Grant;
  /** There is nothing more to expect of it. */
  over(attempt: TestingAttempt): void;
}

/** A request that a test can fail while it waits. */
export class TestingAttempt implements Attempt, AttemptListener {
  readonly silence = undefined;
  private inner: Attempt | undefined;
  private isOver = false;

  constructor(
    readonly request: LeaseRequest,
    private readonly listener: AttemptListener,
    private readonly host: TestingHost,
  ) {}

  get progress(): Progress {
    return this.inner?.progress ?? { state: 'unanswered' };
  }

  askOf(store: LockStore): void {
    this.inner = store.acquire(this.request, this);
  }

  granted(grant: Grant): void {
    this.end();
    this.listener.granted(this.host.granted(grant));
  }

  refused(holders: readonly HolderInfo[]): void {
    this.end();
    this.listener.refused(holders);
  }

  failed(error: Error): void {
    this.end();
    this.listener.failed(error);
  }

  /** Ends it with an error, whatever the store would have said. */
  fail(error: Error): void {
    if (this.isOver) return;
    const { inner } = this;
    this.end();
    let isLeft = false;
    inner?.leave();
    this.inner = { progress: this.progress, silence: undefined, leave: () => (isLeft = true) };
    soonOutside(() => {
      if (!isLeft) this.listener.failed(error);
    });
  }

  leave(): void {
    this.end();
    this.inner?.leave();
  }

  private end(): void {
    this.isOver = true;
    this.host.over(this);
  }
}
