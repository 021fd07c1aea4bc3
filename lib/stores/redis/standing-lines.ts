import type { RedisAttempt } from './redis-attempt.js';

/**
 * Those of this process who stand in line, by owner, and by key in order of arrival. Only the first
 * of a key asks Redis again and again: while it has not been granted, none behind it has.
 */
export class StandingLines {
  private readonly byOwner = new Map<string, RedisAttempt>();
  private readonly byKey = new Map<string, Set<RedisAttempt>>();

  add(attempt: RedisAttempt): void {
    this.byOwner.set(attempt.owner, attempt);
    const { key } = attempt.request;
    const line = this.byKey.get(key);
    if (line) line.add(attempt);
    else this.byKey.set(key, new Set([attempt]));
  }

  remove(attempt: RedisAttempt): void {
    if (!this.byOwner.delete(attempt.owner)) return;
    const { key } = attempt.request;
    const wasFirst = this.first(key) === attempt;
    this.byKey.get(key)?.delete(attempt);
    const next = this.first(key);
    if (!next) this.byKey.delete(key);
    else if (wasFirst) next.lead(attempt);
  }

  get(owner: string): RedisAttempt | undefined {
    return this.byOwner.get(owner);
  }

  first(key: string): RedisAttempt | undefined {
    return this.byKey.get(key)?.values().next().value;
  }

  /** All of them, as they are now: what is done to one may remove it. */
  all(): RedisAttempt[] {
    return [...this.byOwner.values()];
  }
}
