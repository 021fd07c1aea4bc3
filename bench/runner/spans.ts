const FIELDS = 3;

/** When each holder was inside, on the machine's clock, and with which token: the witness's notes. */
export class Spans {
  private data = new Float64Array(FIELDS * 1024);
  private used = 0;

  add(from: number, to: number, token: number): void {
    if (this.used + FIELDS > this.data.length) {
      const larger = new Float64Array(this.data.length * 2);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.used] = from;
    this.data[this.used + 1] = to;
    this.data[this.used + 2] = token;
    this.used += FIELDS;
  }

  done(): Float64Array {
    return this.data.slice(0, this.used);
  }
}

/**
 * Merges the notes of several processes, each in order of time, and counts the violations: holders
 * that were inside together, and tokens that did not grow.
 */
export function violationsOf(notes: readonly Float64Array[]): number {
  const next = notes.map(() => 0);
  let violations = 0;
  let end = -Infinity;
  let token = -Infinity;
  for (;;) {
    let first = -1;
    for (let i = 0; i < notes.length; i += 1) {
      if (next[i]! >= notes[i]!.length) continue;
      if (first < 0 || notes[i]![next[i]!]! < notes[first]![next[first]!]!) first = i;
    }
    if (first < 0) return violations;
    const at = next[first]!;
    const [from, to, held] = [notes[first]![at]!, notes[first]![at + 1]!, notes[first]![at + 2]!];
    if (from < end) violations += 1;
    if (held <= token) violations += 1;
    end = Math.max(end, to);
    if (!Number.isNaN(held)) token = held;
    next[first] = at + FIELDS;
  }
}
