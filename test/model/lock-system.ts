import type { LockMode } from '../../lib/stores/lock-mode.js';
import type { Grant, LockState, LockStore } from '../../lib/stores/lock-store.js';
import { CLEAR, type LockModel, type ModelRequest, type Side } from './lock-model.js';
import { TokenLedger } from './token-ledger.js';

/** How far what is left of a lease may be from what the model says, in ms. */
const TOLERANCE = CLEAR / 2;

/** The keys of the model. */
export const KEYS = ['a', 'b'];

/**
 * Two stores on the same locks, as two processes have them, with what they have told so far. What
 * is done with them is compared with the model, and written down for comparison with another store.
 */
export abstract class LockSystem {
  /** What was seen after each step. */
  readonly transcript: string[] = [];
  private readonly answers = new Map<number, string>();
  private readonly grants = new Map<ModelRequest, Grant>();
  private readonly attempts = new Map<ModelRequest, { leave(): void }>();
  private readonly ledger = new TokenLedger();
  private results: { what: string; expected: unknown; actual: Promise<unknown> }[] = [];

  constructor(
    private readonly stores: readonly [LockStore, LockStore],
    /** What the names of its keys begin with. */
    private readonly prefix = '',
  ) {}

  /** Lets time pass for the leases, and for those who wait. */
  abstract pass(ms: number): Promise<void>;
  /** Resolves when all that was under way has arrived, and nothing more will come by itself. */
  abstract settle(): Promise<void>;
  /** What is left anywhere for keys that nobody holds or waits for. */
  protected abstract leftovers(keys: readonly string[]): Promise<string[]>;

  acquire(request: ModelRequest, wait: boolean): void {
    const { id, side, mode, leaseTime } = request;
    const store = this.stores[side];
    const asked = { key: this.prefix + request.key, mode, leaseTime, wait };
    const attempt = store.acquire(asked, {
      granted: (grant) => {
        this.told(id, 'granted');
        this.grants.set(request, grant);
        // As a holder does that is given a shorter lease than it asked for.
        if (grant.leaseTime < leaseTime) void store.extend([{ grant, leaseTime }]);
      },
      refused: () => this.told(id, 'refused'),
      failed: ({ message }) => this.told(id, limitsIn(message) ?? message),
    });
    this.attempts.set(request, attempt);
  }

  leave(request: ModelRequest): void {
    this.attempts.get(request)?.leave();
  }

  /** @param share how much of the tokens was used that come with the grant, from 0 to 1 */
  release(request: ModelRequest, share: number, keepFor: number, expected: boolean): void {
    const grant = this.grantOf(request);
    const last = this.lastUsed(request, share);
    if (expected) this.ledger.use(request, last);
    const released = new Promise<boolean>((resolve, reject) => {
      this.stores[request.side].release(
        grant,
        last,
        { released: resolve, failed: reject },
        keepFor,
      );
    });
    this.result(`release of ${request.id}`, expected, released);
  }

  extend(request: ModelRequest, leaseTime: number, expected: boolean): void {
    const [renewed] = this.stores[request.side].extend([
      { grant: this.grantOf(request), leaseTime },
    ]);
    this.result(
      `extension of ${request.id}`,
      expected,
      renewed!.then((renewal) => renewal !== null),
    );
  }

  /** @param heir undefined when there should be nothing to take over */
  succeed(
    from: ModelRequest,
    share: number,
    heir: ModelRequest | undefined,
    wish: SuccessionWish,
  ): void {
    const grant = this.grantOf(from);
    const { owner, token } = grant;
    const last = this.lastUsed(from, share);
    if (heir) this.ledger.use(from, last);
    const succeeded = this.stores[wish.side].succeed({
      key: this.prefix + from.key,
      // Another process knows no more of it.
      from: wish.side === from.side ? grant : { owner, token },
      lastToken: last,
      mode: wish.mode,
      leaseTime: wish.leaseTime,
    });
    const noted = succeeded.then((grant) => {
      if (grant && heir) this.told(heir.id, 'granted');
      if (grant && heir) this.grants.set(heir, grant);
      return grant !== null;
    });
    this.result(`succession of ${from.id}`, heir !== undefined, noted);
  }

  forceRelease(side: Side, key: string, expected: boolean): void {
    const released = this.stores[side].forceRelease(this.prefix + key);
    this.result(`forced release of ${key}`, expected, released);
  }

  /** @throws Error when what is seen is not what the model says */
  async compare(model: LockModel, step: string): Promise<void> {
    const { results } = this;
    this.results = [];
    const seen: string[] = [];
    const expected: string[] = [];
    const see = (what: string, actual: unknown, wanted: unknown): void => {
      seen.push(`${what}: ${JSON.stringify(actual)}`);
      expected.push(`${what}: ${JSON.stringify(wanted)}`);
    };
    for (const one of results) see(one.what, await one.actual.catch(String), one.expected);
    for (const { id, answer } of model.requests) {
      if (answer !== undefined || this.answers.has(id)) see(`${id}`, this.answers.get(id), answer);
    }
    const side = this.transcript.length % 2 === 0 ? 0 : 1;
    const states = await Promise.all(
      KEYS.map((key) => this.stores[side].inspect(this.prefix + key)),
    );
    states.forEach((state, i) => {
      const { holders, waiting } = model.view(KEYS[i]!);
      see(`${KEYS[i]} is held`, heldIn(state), holders.map(({ mode }) => asText(mode)).sort());
      see(`${KEYS[i]} is awaited by`, state.waiting, waiting);
      see('ends that are wrong', wrongEnds(state, holders, model.now), []);
    });
    const wrong = this.ledger.note(model.takeEvents(), (request) => this.grants.get(request));
    see('tokens that did not grow', wrong, []);

    this.transcript.push(`${step}\n  ${seen.join('\n  ')}`);
    if (seen.join() === expected.join()) return;
    const differences = seen.flatMap((one, i) =>
      one === expected[i] ? [] : [`  ${one}, expected ${expected[i]?.replace(/^.*?: /, '')}`],
    );
    throw new Error(`${step}\n${differences.join('\n')}`);
  }

  /** Gives everything back, and says what is left all the same. */
  async end(): Promise<string[]> {
    for (const attempt of this.attempts.values()) attempt.leave();
    await this.settle();
    const keys = KEYS.map((key) => this.prefix + key);
    for (const key of keys) await this.stores[0].forceRelease(key);
    await this.settle();
    return this.leftovers(keys);
  }

  private told(id: number, answer: string): void {
    const before = this.answers.get(id);
    this.answers.set(id, before === undefined ? answer : `${before}, then ${answer}`);
  }

  private grantOf(request: ModelRequest): Grant {
    const grant = this.grants.get(request);
    if (!grant) throw new Error(`${request.id} was not granted`);
    return grant;
  }

  private lastUsed(request: ModelRequest, share: number): number {
    const { token, lastToken } = this.grantOf(request);
    return token + Math.floor((lastToken - token) * share);
  }

  private result(what: string, expected: unknown, actual: Promise<unknown>): void {
    // It is looked at when all has arrived.
    actual.catch(() => undefined);
    this.results.push({ what, expected, actual });
  }
}

export interface SuccessionWish {
  readonly side: Side;
  readonly mode: LockMode;
  readonly leaseTime: number;
}

/** Redis says where in a script an error was made. */
function limitsIn(message: string): string | undefined {
  const [, limit, asked] =
    /^LIMIT .* limited to (\d+), and (\d+) was asked for/.exec(message) ?? [];
  return limit && asked && `LIMIT ${limit} ${asked}`;
}

function heldIn({ holders }: LockState): string[] {
  return holders.map(({ mode }) => (mode ? asText(mode) : 'foreign')).sort();
}

export function asText(mode: LockMode): string {
  return mode.kind === 'limited' ? `${mode.permits}/${mode.limit}` : mode.kind;
}

/** Of holders of the same mode nobody can tell which is which: all of their ends are compared. */
function wrongEnds(state: LockState, holders: readonly ModelRequest[], now: number): string[] {
  const ends = (mode: string): number[] =>
    state.holders
      .filter((holder) => holder.mode && asText(holder.mode) === mode)
      .map(({ remainingMs }) => now + remainingMs)
      .sort((one, other) => one - other);
  const modes = [...new Set(holders.map(({ mode }) => asText(mode)))];
  return modes.flatMap((mode) => {
    const expected = holders
      .filter((holder) => asText(holder.mode) === mode)
      .map(({ until }) => until);
    const early = expected.map((span) => span.early).sort((one, other) => one - other);
    const late = expected.map((span) => span.late).sort((one, other) => one - other);
    return ends(mode)
      .filter((end, i) => end < early[i]! - TOLERANCE || end > late[i]! + TOLERANCE)
      .map((end) => `${mode} at ${Math.round(end)}`);
  });
}
