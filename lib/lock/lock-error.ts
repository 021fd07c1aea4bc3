/** All that a client is told of a lock error, in every context. */
export interface LockErrorJson {
  readonly code: string;
  readonly message: string;
  /** When it may be worth asking again, in ms from now; 1 000 to 3 600 000. */
  readonly retryAfter?: number;
}

/** What an error is made of. */
export interface LockErrorFacts {
  /** For people outside; left out where the fault is the program's own, and the detail is for programmers. */
  readonly message?: string;
  readonly detail: string;
  readonly key: string | undefined;
  readonly cause?: unknown;
  readonly retryAfter?: number;
}

const SHORTEST_RETRY_AFTER = 1_000;
const LONGEST_RETRY_AFTER = 3_600_000;

/**
 * What every error of this library shares: a stable `code`, the `key`, and the `cause` if any.
 *
 * The `message` may reach a client: it names neither the key nor the holder nor what the store said.
 * (That of a `LockUsageError`, and of a `LockKeyError` that no argument of a call caused, is for programmers.) All
 * that is known stands in `detail` and the other fields, and so where an error is printed.
 */
export abstract class LockError extends Error {
  abstract readonly code: string;
  /** The key concerned; undefined where there is none, as with a bad module option. */
  readonly key: string | undefined;
  /** What happened, in a sentence for operators, with the key, the holder and the store's words. */
  readonly detail: string;
  /** When it may be worth asking again, in ms from now; undefined where asking again is no help. */
  declare readonly retryAfter?: number;

  /** @internal */
  protected constructor({ message, detail, key, cause, retryAfter }: LockErrorFacts) {
    super(message ?? detail, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.key = key;
    this.detail = detail;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }

  /** What GraphQL sends to a client beside the message. */
  get extensions(): Omit<LockErrorJson, 'message'> {
    const { code, retryAfter } = this.toJSON();
    return retryAfter === undefined ? { code } : { code, retryAfter };
  }

  /** What a client may know. */
  toJSON(): LockErrorJson {
    const { code, detail, message, retryAfter } = this;
    const told = { code, message: message === detail ? 'Internal server error' : message };
    if (retryAfter === undefined) return told;
    // Nothing may be known of the holder's lease, and it may have no end.
    const sane = Math.min(
      Math.max(Math.ceil(retryAfter), SHORTEST_RETRY_AFTER),
      LONGEST_RETRY_AFTER,
    );
    return { ...told, retryAfter: sane };
  }
}

/** What an error says to operators. */
export function detailOf(error: unknown): string {
  if (error instanceof LockError) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

/** A key as it stands in messages: quoted, with line ends and the like escaped, so that it forges no log line. */
export function quoted(key: string): string {
  const shown = key.length > 100 ? `${key.slice(0, 100)}…` : key;
  // JSON leaves alone what some terminals and viewers take for a line end.
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
