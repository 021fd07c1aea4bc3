import type { Clock, Timer } from '../clock.js';
import { outside } from '../outside.js';
import type { StoreLog } from '../stores/store-log.js';
import { LockRefusedError, LockUnavailableError, detailOf, quoted } from './lock.errors.js';

/** For how long, in ms, further lines of a kind are counted instead of written. */
const WINDOW = 10_000;

/** One kind of notice: the first is written, those that follow within the window are a number at its end. */
interface Notice {
  readonly level: 'warn' | 'error';
  /** What has happened again, in the plural. */
  readonly what: string;
  missed: number;
  timer: Timer | undefined;
}

/**
 * What operators are told of a service's locks: losses, refusals, outages and long waits. An outage with
 * a thousand requests a second is two lines at its start and one every ten seconds.
 */
export class LockLog {
  private readonly lostLocks = kindOf('error', 'locks were lost');
  private readonly refused = kindOf('error', 'locks were refused by the store');
  private readonly unavailable = kindOf(
    'error',
    'locks were not to be had: no answer from the store',
  );
  private readonly waits = kindOf('warn', 'long waits for a lock');

  constructor(
    private readonly log: StoreLog,
    private readonly clock: Clock,
  ) {}

  lost(key: string, method: string | undefined, heldMs: number, error: Error): void {
    this.write(this.lostLocks, () => `${about(key, method, error)} (held for ${ms(heldMs)})`);
  }

  /** There was no lock; of those who were merely not served in time, or left, nothing is said. */
  rejected(key: string, method: string | undefined, error: unknown): void {
    if (error instanceof LockUnavailableError) {
      this.write(this.unavailable, () => about(key, method, error));
    } else if (error instanceof LockRefusedError) {
      this.write(this.refused, () => about(key, method, error));
    }
  }

  waited(key: string, method: string | undefined, waitedMs: number, isGranted: boolean): void {
    const end = isGranted ? '' : ', in vain';
    this.write(
      this.waits,
      () => `${asker(method)} waited ${ms(waitedMs)} for ${quoted(key)}${end}`,
    );
  }

  /** Writes what is still only counted. */
  stop(): void {
    for (const kind of [this.lostLocks, this.refused, this.unavailable, this.waits]) {
      kind.timer?.cancel();
      this.summarize(kind);
    }
  }

  private write(kind: Notice, text: () => string): void {
    if (kind.timer) {
      kind.missed += 1;
      return;
    }
    this.log[kind.level](text());
    this.openWindow(kind);
  }

  private openWindow(kind: Notice): void {
    kind.timer = outside(() =>
      this.clock.after(
        WINDOW,
        () => {
          // What goes on is one line a window.
          if (this.summarize(kind)) this.openWindow(kind);
        },
        true,
      ),
    );
  }

  /** @returns whether there was anything to say */
  private summarize(kind: Notice): boolean {
    const { missed } = kind;
    kind.timer = undefined;
    kind.missed = 0;
    if (missed === 0) return false;
    this.log[kind.level](`${missed} more ${kind.what} in the last ${WINDOW / 1_000} s`);
    return true;
  }
}

function kindOf(level: Notice['level'], what: string): Notice {
  return { level, what, missed: 0, timer: undefined };
}

function about(key: string, method: string | undefined, error: Error): string {
  const name = quoted(key);
  const detail = detailOf(error);
  const whose = method === undefined ? '' : `${method}: `;
  return whose + (detail.includes(name) ? detail : `${name}: ${detail}`);
}

function asker(method: string | undefined): string {
  return method ?? 'a caller';
}

function ms(time: number): string {
  return `${Math.round(time)} ms`;
}
