/**
 * Gives values on a moment later. Messages are sent as soon as there is a value; a handler that returns one
 * ends in the same moment, and whether its lock was lost is then known before the value is on its way.
 */
export class LateValues {
  private values: unknown[] = [];
  private isKept = false;

  constructor(private readonly give: (value: unknown) => void) {}

  add(value: unknown): void {
    if (this.values.push(value) > 1) return;
    queueMicrotask(() => {
      if (!this.isKept) this.flush();
    });
  }

  /** What was not given on by now waits for `flush`. */
  keep(): void {
    this.isKept = true;
  }

  flush(): void {
    const { values } = this;
    this.values = [];
    for (const value of values) this.give(value);
  }
}
