/** Whoever made a call may call it off: it leaves the queue, and its method is not started any more. */
export class Cancellation {
  /** Why it was called off; undefined while it is wanted. */
  reason: string | undefined;
  private controller: AbortController | undefined;

  /** For the wait. Made when first asked for. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.reason !== undefined) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  cancel(reason: string): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.controller?.abort(reason);
  }
}

/** One signal for all who may call a call off; undefined when nobody may. */
export function signalOf(
  ...cancellations: readonly (Cancellation | undefined)[]
): AbortSignal | undefined {
  const signals = cancellations.flatMap((one) => (one ? [one.signal] : []));
  return signals.length > 1 ? AbortSignal.any(signals) : signals[0];
}
