/** What a waiter is told when it really has to stand in line; see `InnerAcquireOptions`. */
export type OnWait = (abort: (reason: string) => void) => () => void;

/**
 * A caller's interest in its turn: whoever made the call can give it up while it still waits, and
 * the method is not started then.
 */
export class Turn {
  /** Why the turn was given up; undefined while it is wanted. */
  givenUp: string | undefined;
  private leave: ((reason: string) => void) | undefined;

  readonly onWait: OnWait = (abort) => {
    if (this.givenUp !== undefined) abort(this.givenUp);
    this.leave = abort;
    return () => {
      this.leave = undefined;
    };
  };

  giveUp(reason: string): void {
    this.givenUp ??= reason;
    this.leave?.(reason);
  }
}

/** Two listeners as one. */
export function both(one: OnWait | undefined, other: OnWait | undefined): OnWait | undefined {
  if (!one || !other) return one ?? other;
  return (abort) => {
    const done = [one(abort), other(abort)];
    return () => {
      for (const end of done) end();
    };
  };
}
