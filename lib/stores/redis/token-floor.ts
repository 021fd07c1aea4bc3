/** How long an observation counts, in ms: two clocks do not run alike for ever. */
const WINDOW = 20_000;
/** What is allowed for clocks that do not run alike, in µs. */
const SLACK = 25_000;

/**
 * What the tokens to come must exceed, as far as this process knows: the largest it has seen, and where
 * the server's clock must be by now, or must have been. In quiet times the server's own clock is ahead
 * of both; when it was stepped back, or another server with a slower clock has taken over, tokens go on
 * growing.
 */
export class TokenFloor {
  /** The largest token, or time of the server in µs, that was seen. */
  private largest = 0;
  /** Server µs less own µs, the largest in this window and in the one before. */
  private offset = -Infinity;
  private earlierOffset = -Infinity;
  private windowEnds = 0;

  /** A token, or the server's time in µs, has arrived. */
  observe(token: number): void {
    if (token > this.largest) this.largest = token;
  }

  /** @param now on the monotonic clock, in ms */
  at(now: number): number {
    if (this.largest === 0) return 0;
    if (now >= this.windowEnds) {
      this.earlierOffset = now >= this.windowEnds + WINDOW ? -Infinity : this.offset;
      this.offset = -Infinity;
      this.windowEnds = now + WINDOW;
    }
    const ownUs = now * 1_000;
    // A little less than it was when the token arrived: never too large.
    this.offset = Math.max(this.offset, this.largest - ownUs);
    const serverUs = Math.max(this.offset, this.earlierOffset) + ownUs - SLACK;
    return Math.max(this.largest, Math.floor(serverUs));
  }
}
