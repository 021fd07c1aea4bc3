import type { RedisServer } from '../../support/redis-server.js';
import type { FakeClock } from '../faketime.js';
import type { Bound, Disturbance, Incident } from '../history.js';
import { moment, pause } from '../moment.js';
import type { Random } from '../random.js';
import type { KeyPlan } from '../worker/key-plan.js';
import type { Sabotage } from '../worker/saboteurs/sabotage.js';
import type { Crowd } from '../witness/register.js';
import { Fleet, type Worker } from './fleet.js';
import { Observer } from './observer.js';
import { LEADERS } from '../lock-names.js';
import { ask, startDurable } from './server.js';
import { WitnessProcess } from './witness-process.js';

export const KEYS: readonly KeyPlan[] = [
  { name: 'short', leaseTime: 400, use: 'alone' },
  { name: 'middle', leaseTime: 700, use: 'alone' },
  { name: 'long', leaseTime: 1_200, use: 'alone' },
  { name: 'other:short', leaseTime: 400, use: 'alone' },
  { name: 'rates', leaseTime: 700, use: 'read and write' },
  { name: 'slots', leaseTime: 400, use: 'permits' },
  { name: 'baton', leaseTime: 700, use: 'tickets' },
  { name: LEADERS, leaseTime: 1_000, use: 'lead' },
];
export const LONGEST_LEASE = Math.max(...KEYS.map((key) => key.leaseTime));

export interface ArenaOptions {
  readonly seed: string;
  readonly sabotage?: Sabotage | undefined;
  /** Of the first worker; undefined where wall clocks cannot be stepped. */
  readonly clock: FakeClock | undefined;
}

/** Everything the nemesis may lay its hands on. */
export class Arena {
  readonly disturbances: Disturbance[] = [];
  readonly bounds: Bound[] = [];
  readonly incidents: Incident[] = [];

  private constructor(
    readonly redis: RedisServer,
    readonly witness: WitnessProcess,
    readonly fleet: Fleet,
    readonly observer: Observer,
    readonly clock: FakeClock | undefined,
    private readonly upstream: { port: number },
  ) {}

  static async build({ seed, sabotage, clock }: ArenaOptions): Promise<Arena> {
    const redis = await startDurable();
    const witness = await WitnessProcess.start();
    const upstream = { port: redis.port };
    const where = (): number => upstream.port;
    const fleet = new Fleet({
      workers: 4,
      callers: 6,
      keys: KEYS,
      seed,
      sabotage,
      witnessPort: witness.port,
      upstream: where,
      clock,
    });
    const names = KEYS.map((key) => key.name);
    const arena = new Arena(redis, witness, fleet, new Observer(names, where), clock, upstream);
    await fleet.start();
    arena.observer.start();
    return arena;
  }

  /** The port of the Redis that serves at the moment. */
  get port(): number {
    return this.upstream.port;
  }

  /** One word with that Redis, past the proxies. */
  ask<T>(what: Parameters<typeof ask<T>>[1]): Promise<T> {
    return ask(this.port, what);
  }

  /** Sends new connections to another Redis; those that stand stay. */
  redirect(port: number): void {
    this.upstream.port = port;
  }

  /** Sends everybody to another Redis, which knows nothing of their locks. */
  async moveTo(port: number): Promise<void> {
    const move = async (): Promise<void> => {
      this.redirect(port);
      for (const { proxy } of this.fleet.workers) proxy.cut('both');
    };
    await this.disturb('data lost', move, { cut: true });
  }

  /** Notes for the checks from when to when something took a promise back. */
  async disturb(
    kind: Disturbance['kind'],
    act: () => Promise<unknown>,
    facts: Pick<Disturbance, 'by' | 'cut'> = {},
  ): Promise<void> {
    const disturbance: Disturbance = { kind, from: moment(), to: Infinity, ...facts };
    this.disturbances.push(disturbance);
    await act();
    disturbance.to = moment();
  }

  /** Notes that during `act` nobody may find a key closed for more than `most` ms. */
  async bound(most: number, why: string, act: () => Promise<unknown>): Promise<void> {
    const bound: Bound = { from: moment(), to: Infinity, most, why };
    this.bounds.push(bound);
    await act();
    bound.to = moment();
  }

  /** A worker that is inside some lock; any, if nobody is for a second. */
  holder(random: Random): Promise<Worker> {
    return this.find(random, isInside);
  }

  /** The one that leads. */
  leader(random: Random): Promise<Worker> {
    return this.find(random, ({ inside }, name) =>
      inside.some(({ key, worker }) => key === LEADERS && worker === name),
    );
  }

  /** A worker that waits and is inside nothing. */
  waiter(random: Random): Promise<Worker> {
    return this.find(
      random,
      (crowd, name) => crowd.waiting.includes(name) && !isInside(crowd, name),
    );
  }

  /** Waits a while for one worker to be inside, and lets it stay there for `ms`. */
  async makeCling(worker: Worker, ms: number): Promise<void> {
    const until = moment() + 1_500;
    while (moment() < until && !isInside(await this.crowd(), worker.name)) await pause(2);
    this.fleet.order(worker, { type: 'cling', ms });
  }

  private crowd(): Promise<Crowd> {
    return this.witness.crowd(this.fleet.deaths.map((death) => death.worker));
  }

  private async find(
    random: Random,
    fits: (crowd: Crowd, name: string) => boolean,
  ): Promise<Worker> {
    const until = moment() + 1_000;
    for (;;) {
      const alive = this.fleet.alive();
      const crowd = await this.crowd();
      const fitting = alive.filter((worker) => fits(crowd, worker.name));
      if (fitting.length > 0) return random.pick(fitting);
      if (moment() > until && alive.length > 0) return random.pick(alive);
      await pause(2);
    }
  }
}

function isInside({ inside }: Crowd, name: string): boolean {
  return inside.some(({ worker }) => worker === name);
}
