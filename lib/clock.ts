/**
 * A moment on both clocks of this process. A suspended machine stops the monotonic clock, an
 * operator steps the wall clock: whoever must not be late looks at both and believes the earlier.
 */
export interface Instant {
  /** Milliseconds on the monotonic clock. */
  readonly mono: number;
  /** Milliseconds since the epoch. */
  readonly wall: number;
}

/** A timer that was set and can be called off. */
export interface Timer {
  cancel(): void;
}

/**
 * Time, as the locks see it. The memory store and the service take one as an argument, so that a
 * test can turn the hands itself.
 */
export interface Clock {
  now(): Instant;
  /** The halves of `now()` by themselves, for hot paths. */
  mono(): number;
  wall(): number;
  /**
   * Calls `callback` once after `delay` ms. A `background` timer does not keep the process alive.
   */
  after(delay: number, callback: () => void, background?: boolean): Timer;
}

export const systemClock: Clock = {
  now: () => ({ mono: performance.now(), wall: Date.now() }),
  mono: () => performance.now(),
  wall: () => Date.now(),
  after(delay, callback, background = false) {
    const handle = setTimeout(callback, delay);
    if (background) handle.unref();
    return {
      cancel() {
        clearTimeout(handle);
      },
    };
  },
};
