import { Proxy } from '../../faults/arena/proxy.js';
import { moment } from '../../faults/moment.js';
import { startChild, type Child } from '../../support/child.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { probe, untilHeard } from '../../support/redis-probe.js';
import { until } from '../../support/until.js';
import type { CandidateConfig, Report } from './children/candidate.child.js';

const KEY = 'scheduler';
const LOCK = `lock:${KEY}`;

/** A time for which a process certainly believed that it was leader. */
export interface Belief {
  readonly name: string;
  readonly token: number;
  readonly from: number;
  readonly to: number;
}

/** One process that runs for leader, behind a proxy of its own. */
export interface Voter {
  readonly name: string;
  readonly child: Child;
  readonly proxy: Proxy;
}

export interface Told {
  readonly voter: Voter;
  readonly kind: 'gained' | 'lost';
  readonly token: number;
  readonly at: number;
}

/** Processes that run for leader on a Redis of their own, and what they tell of it. */
export class Electorate {
  readonly told: Told[] = [];
  readonly voters: Voter[] = [];
  private readonly beliefs = new Map<string, Belief>();
  private readonly killed = new Set<Child>();
  private readonly waiting = new Set<() => void>();

  private constructor(
    private readonly server: RedisServer,
    private readonly leaseTime: number,
  ) {}

  static async open(size: number, leaseTime: number): Promise<Electorate> {
    const electorate = new Electorate(await startRedis(), leaseTime);
    await Promise.all(Array.from({ length: size }, () => electorate.join()));
    return electorate;
  }

  async join(deaf = false): Promise<Voter> {
    const proxy = await Proxy.open(() => this.server.port);
    const config = { port: proxy.port, key: KEY, leaseTime: this.leaseTime, deaf };
    const child = startChild(
      'integration/leader/children/candidate.child.ts',
      config satisfies CandidateConfig,
    );
    const voter = { name: `process ${String(this.voters.length + 1)}`, child, proxy };
    this.voters.push(voter);
    await new Promise<void>((resolve, reject) => {
      void this.read(voter, resolve).catch(reject);
    });
    return voter;
  }

  /** The one that leads, when all others that live are known to wait and to listen. */
  async settled(): Promise<Voter> {
    const leader = await this.next(0);
    const { url } = this.server;
    const others = this.voters.filter(({ child }) => !this.killed.has(child)).length - 1;
    await probe(url, (client) =>
      until('all others in the queue', async () => {
        if ((await client.type(LOCK)) !== 'zset') return others === 0;
        return (await client.zcount(LOCK, '1e14', '+inf')) === others;
      }),
    );
    await untilHeard(url, LOCK);
    return leader.voter;
  }

  /** For good. */
  kill({ child }: Voter): void {
    this.killed.add(child);
    child.kill('SIGKILL');
  }

  /** The first that is elected after `since`, unless it has lost meanwhile. */
  async next(since: number): Promise<Told> {
    for (;;) {
      const found = this.told.findLast(({ kind, at }) => kind === 'gained' && at > since);
      if (found && !this.hasLost(found)) return found;
      await this.news();
    }
  }

  /** When a process was told that it leads no longer. */
  async lossOf({ token }: { readonly token: number }): Promise<Told> {
    for (;;) {
      const found = this.told.find((one) => one.kind === 'lost' && one.token === token);
      if (found) return found;
      await this.news();
    }
  }

  /** Pairs of processes that certainly believed at one moment. */
  overlaps(): string[] {
    const all = [...this.beliefs.values()].sort((one, other) => one.from - other.from);
    return all.flatMap((one, i) =>
      all
        .slice(i + 1)
        .filter((other) => other.name !== one.name && other.from < one.to)
        .map((other) => `${one.name} and ${other.name} for ${(one.to - other.from).toFixed(1)} ms`),
    );
  }

  /** How many terms were believed in. */
  get terms(): number {
    return this.beliefs.size;
  }

  /** The last moment at which a term was certainly believed in. */
  lastBelief(token: number): number {
    const all = [...this.beliefs.values()].filter((belief) => belief.token === token);
    return Math.max(...all.map(({ to }) => to));
  }

  async close(): Promise<void> {
    for (const { child, proxy } of this.voters) {
      child.kill('SIGKILL');
      await child.ended;
      proxy.close();
    }
    await this.server.stop();
  }

  private hasLost({ token }: Told): boolean {
    return this.told.some((one) => one.kind === 'lost' && one.token === token);
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.add(resolve);
    });
  }

  private async read(voter: Voter, ready: () => void): Promise<void> {
    for (;;) {
      const report = await voter.child.next<Report | { kind: 'ready' }>();
      if (report.kind === 'ready') ready();
      else if (report.kind === 'belief') this.note(voter.name, report);
      else this.told.push({ ...report, voter });
      for (const wake of this.waiting) wake();
      this.waiting.clear();
    }
  }

  private note(name: string, { token, from, to }: Omit<Belief, 'name'>): void {
    const id = `${name} ${String(token)}`;
    this.beliefs.set(id, { name, token, from: this.beliefs.get(id)?.from ?? from, to });
  }
}

/** The moment at which something is done to a process. */
export function mark(act: () => void): number {
  const at = moment();
  act();
  return at;
}
