/** A transaction between its begin and its end, and who is to be told of that. */
export class OpenTransaction {
  private readonly checks: (() => void)[] = [];
  private readonly ends: (() => Promise<void>)[] = [];
  private over = false;

  get isOver(): boolean {
    return this.over;
  }

  join(end: () => Promise<void>, check: () => void): void {
    this.ends.push(end);
    this.checks.push(check);
  }

  /** @throws LockLostError when one of its locks was lost */
  check(): void {
    for (const check of this.checks) check();
  }

  /** @throws LockLostError when one of its locks had been lost */
  async end(): Promise<void> {
    this.over = true;
    const ends = await Promise.allSettled(this.ends.map((end) => end()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
