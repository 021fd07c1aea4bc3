/** Of how many keys the holds are looked at: those that somebody could not have, the latest ones. */
const MOST_KEYS = 1_000;
/** How much the last hold counts against those before it. */
const WEIGHT = 1 / 4;

/**
 * How long the keys that somebody could not have are held here, as a rule: when it is worth coming back.
 * The rest of a lease says nothing of that, for it is renewed.
 */
export class RecentHolds {
  /** Ms, by key; undefined until one was seen. The key that was asked of last is the last. */
  private readonly usual = new Map<string, number | undefined>();

  /**
   * A good moment to come back, in ms: when a hold of the usual length will have ended; one that is
   * longer, or of whose like nothing is known, is expected to last as long again.
   * @param heldMs how long the one who stands in the way has had it
   */
  retryAfter(key: string, heldMs: number): number {
    const usual = this.usual.get(key);
    this.usual.delete(key);
    this.usual.set(key, usual);
    if (this.usual.size > MOST_KEYS) {
      for (const oldest of this.usual.keys()) {
        this.usual.delete(oldest);
        break;
      }
    }
    const so = Math.max(0, heldMs);
    return usual !== undefined && usual > so ? usual - so : so;
  }

  /** Somebody has given it back. Nothing is kept of a key that everybody gets. */
  ended(key: string, heldMs: number): void {
    if (this.usual.size === 0 || !this.usual.has(key)) return;
    const usual = this.usual.get(key) ?? heldMs;
    this.usual.set(key, usual + (heldMs - usual) * WEIGHT);
  }
}
