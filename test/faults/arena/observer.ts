import { Redis } from 'ioredis';
import type { Sighting } from '../history.js';
import { redisKey } from '../lock-names.js';
import { moment, pause } from '../moment.js';

const STEP = 40;
/** Shorter ones can be nobody's orphan. */
const LEAST = 300;

/** Looks at the locks' keys in Redis all the time, past the proxies. */
export class Observer {
  readonly sightings: Sighting[] = [];
  /** Of each key, those who hold it. */
  private readonly current = new Map<string, Map<string, Sighting>>();
  private redis: Redis | undefined;
  private port = 0;
  private over = false;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly keys: readonly string[],
    private readonly upstream: () => number,
  ) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.over = true;
    this.redis?.disconnect();
    await this.running;
    for (const key of this.keys) this.saw(key, [], 0, 0);
  }

  private async run(): Promise<void> {
    while (!this.over) {
      try {
        await this.look();
      } catch {
        // Away, or cut off by the nemesis: what is not seen is not claimed.
      }
      await pause(STEP);
    }
  }

  private async look(): Promise<void> {
    const redis = this.connection();
    const asked = moment();
    const values = await Promise.all(this.keys.map((key) => holdersOf(redis, redisKey(key))));
    const answered = moment();
    this.keys.forEach((key, i) => this.saw(key, values[i] ?? [], asked, answered));
  }

  /** It was so somewhere between the two moments: seen from the later, and until the earlier. */
  private saw(key: string, values: readonly string[], asked: number, answered: number): void {
    const before = this.current.get(key);
    const now = new Map<string, Sighting>();
    for (const value of values) {
      const last = before?.get(value);
      if (last) last.to = asked;
      now.set(value, last ?? { key, value, from: answered, to: answered });
    }
    for (const [value, last] of before ?? []) {
      if (!now.has(value) && last.to - last.from > LEAST) this.sightings.push(last);
    }
    this.current.set(key, now);
  }

  private connection(): Redis {
    const port = this.upstream();
    if (this.redis && this.port === port && this.redis.status !== 'end') return this.redis;
    this.redis?.disconnect();
    this.port = port;
    this.redis = new Redis({
      port,
      host: '127.0.0.1',
      retryStrategy: () => 50,
      maxRetriesPerRequest: 0,
    });
    this.redis.on('error', () => undefined);
    return this.redis;
  }
}

/** `owner token` of all who hold a lock: its value, or the members of its set. */
export async function holdersOf(redis: Redis, lock: string): Promise<string[]> {
  const replies = await redis
    .pipeline()
    .time()
    .get(lock)
    .zrangebyscore(lock, 1, 1e14, 'WITHSCORES')
    .exec();
  const [[, time] = [], [, value] = [], [, members] = []] = replies ?? [];
  // The last token of a key that is free, kept until the clock has passed it.
  if (typeof value === 'string') return value.startsWith('free ') ? [] : [value];
  if (!Array.isArray(members) || !Array.isArray(time)) return [];
  const now = Number(time[0]) * 1_000 + Number(time[1]) / 1_000;
  // Those whose lease has ended stay in a set until somebody asks for the lock.
  return members.flatMap((member, i) =>
    i % 2 === 0 && Number(members[i + 1]) > now ? [String(member)] : [],
  );
}
