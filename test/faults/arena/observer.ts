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
  private readonly current = new Map<string, Sighting>();
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
    for (const key of this.keys) this.close(key);
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
    const values = await Promise.all(this.keys.map((key) => holderOf(redis, redisKey(key))));
    const answered = moment();
    this.keys.forEach((key, i) => this.saw(key, values[i], asked, answered));
  }

  /** It was so somewhere between the two moments: seen from the later, and until the earlier. */
  private saw(key: string, value: string | undefined, asked: number, answered: number): void {
    const last = this.current.get(key);
    if (last?.value === value && last !== undefined) {
      last.to = asked;
      return;
    }
    this.close(key);
    if (value !== undefined) this.current.set(key, { key, value, from: answered, to: answered });
  }

  private close(key: string): void {
    const last = this.current.get(key);
    if (last && last.to - last.from > LEAST) this.sightings.push(last);
    this.current.delete(key);
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

/** `owner token` of who holds a lock: its value, or, when somebody waits for it, a member of its set. */
export async function holderOf(redis: Redis, lock: string): Promise<string | undefined> {
  const replies = await redis
    .pipeline()
    .time()
    .get(lock)
    .zrangebyscore(lock, 1, 1e14, 'WITHSCORES')
    .exec();
  const [[, time] = [], [, value] = [], [, members] = []] = replies ?? [];
  // The last token of a key that is free, kept until the clock has passed it.
  if (typeof value === 'string') return value.startsWith('free ') ? undefined : value;
  if (!Array.isArray(members) || !Array.isArray(time)) return undefined;
  const now = Number(time[0]) * 1_000 + Number(time[1]) / 1_000;
  // Those whose lease has ended stay in a set until somebody asks for the lock.
  const held = members.flatMap((member, i) =>
    i % 2 === 0 && Number(members[i + 1]) > now ? [String(member)] : [],
  );
  return held.length > 0 ? held.join(', ') : undefined;
}
