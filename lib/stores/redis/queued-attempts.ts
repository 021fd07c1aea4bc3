import type { RedisAttempt } from './redis-attempt.js';

/**
 * The attempts of this process that wait in Redis, by the id of their owner, and by key in order of arrival. Only the
 * first of a key asks Redis again and again: while it has not been granted, none behind it has.
 */
export class QueuedAttempts {
  private readonly byId = new Map<string, RedisAttempt>();
  private readonly byKey = new Map<string, Set<RedisAttempt>>();

  get size(): number {
    return this.byId.size;
  }

  add(attempt: RedisAttempt): void {
    this.byId.set(attempt.id, attempt);
    const { key } = attempt.request;
    const queue = this.byKey.get(key);
    if (queue) queue.add(attempt);
    else this.byKey.set(key, new Set([attempt]));
  }

  remove(attempt: RedisAttempt): void {
    if (!this.byId.delete(attempt.id)) return;
    const { key } = attempt.request;
    const wasFirst = this.first(key) === attempt;
    this.byKey.get(key)?.delete(attempt);
    const next = this.first(key);
    if (!next) this.byKey.delete(key);
    else if (wasFirst) next.lead(attempt);
  }

  get(id: string): RedisAttempt | undefined {
    return this.byId.get(id);
  }

  first(key: string): RedisAttempt | undefined {
    return this.byKey.get(key)?.values().next().value;
  }

  /** All of them, as they are now: what is done to one may remove it. */
  all(): RedisAttempt[] {
    return [...this.byId.values()];
  }
}
