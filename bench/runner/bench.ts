import type { Redis } from 'ioredis';
import { floor } from '../adapters/index.js';
import { connect } from '../adapters/client.js';
import { leanPrototype } from '../adapters/lean-prototype.js';
import type { RedisServer } from '../../test/support/redis-server.js';
import { Crew } from './crew.js';
import type { Contender, Library, LockAdapter, Target } from './library.js';
import { Pool } from './pool.js';
import type { CaseResult, Column, Row } from './result.js';
import { spread } from './stats.js';

export type Mode = 'quick' | 'full' | 'smoke' | 'ratios';

/** Who takes part: all, ours with all floors, or ours with the two floors that the ratios are taken to. */
export type Circle = 'all' | 'ours' | 'ratios';

/** One run's figures by metric, and what was wrong with it. */
export interface Sample {
  readonly metrics: Readonly<Record<string, number>>;
  readonly violations?: number;
  readonly remark?: string;
  readonly incomplete?: boolean;
}

export interface CasePlan {
  readonly scenario: string;
  readonly name: string;
  readonly title: string;
  readonly params: Readonly<Record<string, number>>;
  readonly columns: readonly Column[];
  readonly contenders: readonly Contender[];
  /** At most so many rounds, and at least one. */
  readonly rounds: number;
  /** A peer that has used so many ms gets no further round. */
  readonly share: number;
  /** How long tuned contenders wait; the limit of a run. */
  readonly limit: number;
  run(contender: Contender, adapter: LockAdapter, round: number): Promise<Sample>;
  /** Sees all samples of a round, to relate them to the floor's. */
  relate?(samples: ReadonlyMap<string, Sample>): ReadonlyMap<string, Sample>;
}

export interface BenchOptions {
  readonly mode: Mode;
  readonly deadline: number;
  readonly circle: Circle;
}

/** What all scenarios share: the server, the floor, the time that is left. */
export class Bench {
  readonly admin: Redis;
  readonly mode: Mode;
  /** Nothing but ours and the floors is begun after this, in ms of `performance.now()`. */
  readonly deadline: number;
  readonly absent = new Map<string, string>();
  readonly circle: Circle;
  private readonly server: RedisServer;
  private floorAdapter: LockAdapter | undefined;
  private crewOf4: Crew | undefined;

  private constructor(server: RedisServer, admin: Redis, options: BenchOptions) {
    this.server = server;
    this.admin = admin;
    this.mode = options.mode;
    this.deadline = options.deadline;
    this.circle = options.circle;
  }

  static async open(server: RedisServer, options: BenchOptions): Promise<Bench> {
    const admin = await connect({
      host: '127.0.0.1',
      port: server.port,
      leaseTime: 0,
      waitTime: 0,
    });
    return new Bench(server, admin, options);
  }

  target(waitTime: number, leaseTime = 10_000): Target {
    return { host: '127.0.0.1', port: this.server.port, leaseTime, waitTime };
  }

  /** The bare pair on a connection of its own, for pairing right before a run. */
  async floor(): Promise<LockAdapter> {
    this.floorAdapter ??= await floor.library.open(this.target(1_000), 'default');
    return this.floorAdapter;
  }

  /** Four processes, started when first needed. */
  async crew(): Promise<Crew> {
    this.crewOf4 ??= await Crew.start(4);
    return this.crewOf4;
  }

  /** For a crew in which something still waits that nobody wants any more. */
  dismissCrew(): void {
    this.crewOf4?.stop();
    this.crewOf4 = undefined;
  }

  /** Runs a case in rounds: everybody once, in changing order, until shares or rounds are used up. */
  async rounds(plan: CasePlan): Promise<CaseResult> {
    const contenders = plan.contenders.filter(({ library }) => this.takesPart(library));
    const pool = new Pool(this.target(plan.limit));
    const samples = new Map<string, Sample[]>(contenders.map(({ id }) => [id, []]));
    const used = new Map<string, number>();
    for (let round = 0; round < plan.rounds; round += 1) {
      const order = shuffled(contenders, round).filter(
        ({ id, library }) => library.kind !== 'peer' || (used.get(id) ?? 0) < plan.share,
      );
      const inRound = new Map<string, Sample>();
      for (const contender of order) {
        if (contender.library.kind === 'peer' && performance.now() > this.deadline) continue;
        const adapter = await pool.get(contender);
        if (adapter === undefined) continue;
        const began = performance.now();
        try {
          const sample = await plan.run(contender, adapter, round);
          inRound.set(contender.id, sample);
          if (sample.incomplete) await this.afterOverrun(pool, contender);
        } catch (error) {
          pool.failures.set(contender.id, String(error));
          await this.afterOverrun(pool, contender);
        }
        const took = performance.now() - began;
        used.set(contender.id, (used.get(contender.id) ?? 0) + took);
      }
      for (const [id, sample] of plan.relate?.(inRound) ?? inRound) samples.get(id)?.push(sample);
    }
    await pool.close();
    await this.crewOf4?.close();
    for (const [id, reason] of pool.failures) this.absent.set(id, reason);
    const { scenario, name, title, params, columns } = plan;
    return { scenario, name, title, params, columns, rows: rowsOf(contenders, samples, pool) };
  }

  async close(): Promise<void> {
    await this.floorAdapter?.close();
    this.dismissCrew();
    this.admin.disconnect();
  }

  private takesPart(library: Library): boolean {
    if (this.circle === 'all' || library.kind === 'ours') return true;
    if (this.circle === 'ours') return library.kind === 'floor';
    return library === floor.library || library === leanPrototype;
  }

  /** What still waits is cut off and its key removed, so that the next run starts on a quiet server. */
  private async afterOverrun(pool: Pool, contender: Contender): Promise<void> {
    await pool.discard(contender);
    await this.admin.flushall();
  }
}

/**
 * In another order each round, the same in every run: nobody always comes after the same neighbour
 * and its garbage. (Collecting it before each run costs everybody their compiled code.)
 */
function shuffled<T>(items: readonly T[], round: number): T[] {
  const order = [...items];
  let state = round + 1;
  for (let n = order.length - 1; n > 0; n -= 1) {
    state = (state * 48_271) % 0x7fffffff;
    const other = state % (n + 1);
    [order[n], order[other]] = [order[other]!, order[n]!];
  }
  return order;
}

function rowsOf(
  contenders: readonly Contender[],
  samples: ReadonlyMap<string, Sample[]>,
  pool: Pool,
): Row[] {
  return contenders.map(({ id, label, library, variant }) => {
    const own = samples.get(id) ?? [];
    const metrics: Record<string, ReturnType<typeof spread>> = {};
    for (const name of new Set(own.flatMap((sample) => Object.keys(sample.metrics)))) {
      metrics[name] = spread(
        own.flatMap(({ metrics }) => (metrics[name] === undefined ? [] : [metrics[name]])),
      );
    }
    const watched = own.filter(({ violations }) => violations !== undefined);
    const reason = pool.failures.get(id);
    const remark =
      own.find((sample) => sample.remark !== undefined)?.remark ??
      (reason === undefined ? undefined : `did not run: ${reason}`) ??
      (own.length === 0 ? 'not run: the time was used up' : undefined);
    return {
      id,
      label,
      kind: library.kind,
      variant,
      metrics,
      ...(watched.length > 0
        ? { violations: watched.reduce((total, { violations = 0 }) => total + violations, 0) }
        : {}),
      ...(remark === undefined ? {} : { remark }),
      ...(own.some(({ incomplete }) => incomplete) ? { incomplete: true } : {}),
    };
  });
}
