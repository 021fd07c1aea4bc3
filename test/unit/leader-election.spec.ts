import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';

import {
  LockAbortedError,
  LockLostError,
  LockUsageError,
  detailOf,
} from '../../lib/lock/lock.errors.js';
import { LeaderElection } from '../../lib/leader/leader-election.js';
import { currentTerm, type LeaderTerm } from '../../lib/leader/leader-term.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { Candidates, type Candidate } from '../support/candidates.js';
import { Gate } from '../support/gate.js';
import { watch } from '../support/until.js';

const LEASE = 3_000;

describe('an election', () => {
  let all: Candidates;
  beforeEach(() => {
    all = new Candidates();
  });
  afterEach(() => all.close());

  it('Exclusion: of three candidates one is leader, and stays it for many leases', async () => {
    const [a] = ['a', 'b', 'c'].map((name) => all.join(name));
    await all.pass(LEASE * 5);
    expect(all.leaders).toEqual(['a']);
    expect(all.events).toEqual(['a gained']);
    expect(a!.election.term).toMatchObject({ key: 'scheduler', lost: undefined });
    expect(a!.election.term!.token).toBeGreaterThan(0);
  });

  it('Order: candidates are elected in the order in which they came, again and again', async () => {
    const candidates = ['a', 'b', 'c'].map((name) => all.join(name));
    const tokens: number[] = [];
    for (let turn = 0; turn < 7; turn += 1) {
      await all.pass(10);
      const leader = candidates[turn % 3]!;
      expect(all.leaders).toEqual([leader.name]);
      tokens.push(leader.election.term!.token);
      expect(await leader.election.stepDown()).toBe(true);
    }
    expect([...tokens].sort((one, other) => one - other)).toEqual(tokens);
    expect(new Set(tokens).size).toBe(7);
  });

  it('Order: a leader that steps down hands over without any time passing, its signal first', async () => {
    const [a, b] = [all.join('a'), all.join('b')];
    await all.pass(10);
    const { signal } = a.election.term!;
    const seen: string[] = [];
    signal.addEventListener('abort', () => seen.push(`abort, leaders: ${all.leaders.join()}`));
    a.election.on('lost', () => seen.push(`lost, leaders: ${all.leaders.join()}`));
    b.election.on('gained', () => seen.push(`gained, leaders: ${all.leaders.join()}`));
    await a.election.stepDown();
    await all.pass(0);
    expect(seen).toEqual(['abort, leaders: ', 'lost, leaders: ', 'gained, leaders: b']);
    expect(signal.reason).toBeInstanceOf(LockLostError);
    expect(detailOf(signal.reason)).toContain('"scheduler" was lost: the leader stepped down');
  });

  it('Dead peers: a leader that dies costs its lease, and the first who waits is next', async () => {
    const a = all.join('a');
    await all.pass(100);
    const term = a.election.term!;
    all.join('b');
    all.join('c');
    // It was granted 100 ms ago, and is not renewed any more.
    await all.pass(LEASE - 110, [a]);
    expect(all.events).toEqual(['a gained']);
    await all.pass(20, [a]);
    expect(all.events).toEqual(['a gained', 'b gained']);
    // Whatever it knew when it stopped: its clock goes on where all others are.
    a.clock.stepMono(LEASE);
    a.clock.stepWall(LEASE);
    expect(a.election.isLeader).toBe(false);
    expect(term.signal.aborted).toBe(true);
    expect(a.events).toEqual(['gained', 'lost']);
  });

  it('Exclusion: one that was frozen is told of its loss by the first look, and runs again', async () => {
    const [a, b] = [all.join('a'), all.join('b')];
    await all.pass(10);
    const term = a.election.term!;
    await all.pass(LEASE * 2, [a]);
    expect(all.events).toEqual(['a gained', 'b gained']);
    a.clock.stepMono(LEASE * 2);
    a.clock.stepWall(LEASE * 2);
    expect(term.isHeld()).toBe(false);
    expect(() => term.assertHeld()).toThrow(LockLostError);
    expect(term.lost?.detail).toContain('its lease ran out before it could be renewed');
    expect(all.leaders).toEqual(['b']);
    await all.pass(10);
    await b.election.close();
    await all.pass(10);
    expect(all.events).toEqual(['a gained', 'b gained', 'a lost', 'b lost', 'a gained']);
    expect(a.election.term!.token).toBeGreaterThan(term.token);
  });

  it('No silent loss: a lock that an operator took is a loss, told with its next renewal', async () => {
    const a = all.join('a');
    await all.pass(10);
    const term = a.election.term!;
    await a.locks.forceRelease('scheduler');
    await all.pass(LEASE / 2);
    expect(term.signal.aborted).toBe(true);
    expect(a.events).toEqual(['gained', 'lost', 'gained']);
  });

  it('Exclusion: never two believe, whatever is frozen, steps down, leaves and comes', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
      fc.record({
        do: fc.constantFrom(
          'freeze' as const,
          'thaw' as const,
          'stepDown' as const,
          'rest' as const,
        ),
        who: fc.nat(2),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        const group = new Candidates();
        const members = ['a', 'b', 'c'].map((name) => group.join(name, { leaseTime: 1_000 }));
        const frozen = new Map<Candidate, number>();
        const now = (): number => group.clock.mono();
        const thaw = (member: Candidate): void => {
          const since = frozen.get(member);
          if (since === undefined) return;
          frozen.delete(member);
          member.clock.stepMono(now() - since);
          member.clock.stepWall(now() - since);
        };
        for (const { do: what, ...rest } of steps) {
          const member = 'who' in rest ? members[rest.who]! : undefined;
          if ('ms' in rest) {
            for (let left = rest.ms; left > 0; left -= 50) {
              await group.pass(Math.min(left, 50), [...frozen.keys()]);
              // Who is frozen looks at nothing: what it believes is seen when it goes on.
              const awake = members.filter((one) => !frozen.has(one) && one.election.isLeader);
              expect(awake.length).toBeLessThanOrEqual(1);
            }
          } else if (what === 'freeze' && !frozen.has(member!)) frozen.set(member!, now());
          else if (what === 'thaw') thaw(member!);
          else if (!frozen.has(member!)) {
            void member!.election.stepDown({ runAgainAfter: what === 'rest' ? 500 : 0 });
          }
        }
        for (const member of members) thaw(member);
        expect(group.leaders.length).toBeLessThanOrEqual(1);
        await group.pass(2_000);
        expect(group.leaders).toHaveLength(1);
        const told = (what: string): number =>
          group.events.filter((event) => event.endsWith(what)).length;
        expect(told('gained') - told('lost')).toBe(1);
        await group.close();
      }),
      { numRuns: 40 },
    );
  });

  describe('stepping down', () => {
    it('leaves the queue for `runAgainAfter`, as a leader and as a candidate', async () => {
      const [a, b] = [all.join('a'), all.join('b')];
      await all.pass(10);
      expect(await b.election.stepDown({ runAgainAfter: 1_000 })).toBe(false);
      expect(await a.election.stepDown({ runAgainAfter: 500 })).toBe(true);
      await all.pass(480);
      expect(all.leaders).toEqual([]);
      await all.pass(40);
      expect(all.leaders).toEqual(['a']);
      await a.election.stepDown({ runAgainAfter: 5_000 });
      await all.pass(1_000);
      expect(all.leaders).toEqual(['b']);
    });

    it('for ever is until start()', async () => {
      const a = all.join('a');
      await all.pass(10);
      await a.election.stepDown({ runAgainAfter: Infinity });
      await all.pass(LEASE * 10);
      expect(all.leaders).toEqual([]);
      expect(a.clock.pending).toBe(0);
      a.election.start();
      await all.pass(10);
      expect(all.leaders).toEqual(['a']);
    });

    it('is leader again at once when nobody else waits, with a larger token', async () => {
      const a = all.join('a');
      await all.pass(10);
      const { token } = a.election.term!;
      await a.election.stepDown();
      await all.pass(10);
      expect(a.election.term!.token).toBeGreaterThan(token);
      expect(a.events).toEqual(['gained', 'lost', 'gained']);
    });

    it('by a listener of `gained` is told after it', async () => {
      const a = all.join('a', {}, false);
      const seen: string[] = [];
      a.election.on('gained', () => void a.election.stepDown({ runAgainAfter: Infinity }));
      a.election.on('gained', (term) => seen.push(`gained, held: ${term.isHeld()}`));
      a.election.on('lost', () => seen.push('lost'));
      a.election.start();
      await all.pass(10);
      expect(seen).toEqual(['gained, held: false', 'lost']);
    });
  });

  describe('at its end', () => {
    it('No leftover: nothing is held, nobody waits, and no timer is set', async () => {
      const [a, b] = [all.join('a'), all.join('b')];
      await all.pass(10);
      await b.election.close();
      expect(await a.locks.inspect('scheduler')).toMatchObject({ waiting: 0 });
      await a.election.close();
      await a.election.close();
      expect(await a.locks.inspect('scheduler')).toMatchObject({ holders: [] });
      // Timers of the service may be set until they find nothing to do.
      await all.pass(LEASE * 2);
      expect([a.clock.pending, b.clock.pending]).toEqual([0, 0]);
      expect(all.events).toEqual(['a gained', 'a lost']);
      expect(() => a.election.start()).toThrow(/^the election for "scheduler" was closed/);
    });

    it('No leftover: when it is granted in the moment it is closed, the next is elected', async () => {
      const [a, b, c] = [all.join('a'), all.join('b'), all.join('c')];
      await all.pass(10);
      await Promise.all([a.election.close(), b.election.close()]);
      await all.pass(10);
      expect(all.events).toEqual(['a gained', 'a lost', 'c gained']);
      expect(c.election.isLeader).toBe(true);
    });

    it('the next is leader while the closed process still holds other locks', async () => {
      const [a] = [all.join('a'), all.join('b')];
      await all.pass(10);
      const other = await a.locks.acquire('order:1');
      await a.election.onModuleDestroy();
      const closing = watch(a.locks.close());
      await all.pass(10);
      expect(all.leaders).toEqual(['b']);
      expect(closing.settled).toBe(false);
      await other.release();
      await all.pass(10);
      expect(closing.settled).toBe(true);
    });

    it('a service that was closed first ends it too', async () => {
      const a = all.join('a', { shutdownTimeout: 100 });
      await all.pass(10);
      const waiting = all.join('b', { shutdownTimeout: 100 });
      const elected = waiting.election.whenLeader().catch((error: unknown) => error);
      await waiting.locks.close();
      expect(await elected).toBeInstanceOf(LockAbortedError);
      const closing = a.locks.close();
      await all.pass(200);
      await closing;
      expect(a.events).toEqual(['gained', 'lost']);
      expect(all.leaders).toEqual([]);
      expect(() => a.election.start()).toThrow(LockUsageError);
    });
  });

  describe('whenLeader', () => {
    it('resolves with the term, at once during one', async () => {
      const [a, b] = [all.join('a'), all.join('b')];
      const second = b.election.whenLeader();
      const first = await a.election.whenLeader();
      expect(first).toBe(a.election.term);
      expect(await a.election.whenLeader()).toBe(first);
      expect(watch(second).settled).toBe(false);
      await a.election.stepDown();
      expect((await second).token).toBeGreaterThan(first.token);
    });

    it('rejects when its signal aborts, before or while it waits, and when the election is closed', async () => {
      all.join('a');
      const b = all.join('b');
      await all.pass(10);
      const control = new AbortController();
      const waiting = b.election.whenLeader(control.signal);
      const whole = b.election.whenLeader();
      control.abort('enough');
      await expect(waiting.catch(detailOf)).resolves.toMatch(
        'waiting for "scheduler" was called off: enough',
      );
      await expect(b.election.whenLeader(control.signal)).rejects.toBeInstanceOf(LockAbortedError);
      const closing = b.election.close();
      await expect(whole.catch(detailOf)).resolves.toMatch('the election was closed');
      await expect(b.election.whenLeader()).rejects.toBeInstanceOf(LockAbortedError);
      await closing;
    });
  });

  describe('listeners', () => {
    it('one that comes during a term is told of it, once; one that was taken out is not', async () => {
      const a = all.join('a');
      await all.pass(10);
      const told: LeaderTerm[] = [];
      const listener = (term: LeaderTerm): void => void told.push(term);
      a.election.on('gained', listener);
      a.election.on('gained', () => told.push(a.election.term!))();
      await all.pass(10);
      expect(told).toEqual([a.election.term]);
      await a.election.stepDown();
      await all.pass(10);
      expect(told).toHaveLength(2);
    });

    it('Own context: run in nobody’s, wherever the term began and ended', async () => {
      const context = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      const a = all.join('a', {}, false);
      a.election.on('gained', () => seen.push(context.getStore()));
      a.election.on('lost', () => seen.push(context.getStore()));
      await context.run('a request', async () => {
        a.election.start();
        await all.pass(10);
        await a.election.stepDown({ runAgainAfter: Infinity });
      });
      expect(seen).toEqual([undefined, undefined]);
    });

    it('Own context: started inside a lock on its own key, it waits for that as all others do', async () => {
      const a = all.join('a', {}, false);
      await a.locks.using('scheduler', async () => {
        a.election.start();
        await all.pass(10);
        expect(all.leaders).toEqual([]);
      });
      await all.pass(10);
      expect(all.leaders).toEqual(['a']);
    });
  });

  describe('ifLeader', () => {
    it('runs on the leader only, and finds its term', async () => {
      const [a, b] = [all.join('a'), all.join('b')];
      await all.pass(10);
      expect(await b.election.ifLeader(() => 'ran')).toBeUndefined();
      const term = a.election.term;
      expect(await a.election.ifLeader((given) => [given, currentTerm()])).toEqual([term, term]);
      await expect(
        a.election.ifLeader(async () => {
          throw new RangeError('its own');
        }),
      ).rejects.toThrow(RangeError);
      expect(() => currentTerm()).toThrow(
        'currentTerm() was called outside of a term: call it inside `ifLeader` or a method with @LeaderOnly',
      );
    });

    it('finds the innermost term of several elections', async () => {
      const a = all.join('a');
      const other = new LeaderElection(a.locks, { key: 'other', clock: a.clock });
      other.start();
      await all.pass(10);
      const keys = await a.election.ifLeader(() =>
        other.ifLeader(async () => {
          await all.pass(10);
          return currentTerm().key;
        }),
      );
      expect(keys).toBe('other');
      await other.close();
    });

    it('No silent loss: rejects when the term was lost, not when it was given up', async () => {
      const a = all.join('a', { clock: all.clock });
      await all.pass(10);
      const gate = new Gate();
      const work = async (term: LeaderTerm): Promise<string> => {
        await gate.opened;
        return term.signal.aborted ? 'saw it' : 'did not see it';
      };
      const lost = a.election.ifLeader(work).catch((error: unknown) => error);
      a.clock.stepMono(LEASE);
      expect(a.election.isLeader).toBe(false);
      await all.pass(LEASE + 10);
      expect(all.leaders).toEqual(['a']);
      const given = a.election.ifLeader(work);
      await a.election.stepDown();
      gate.open();
      expect(await lost).toBeInstanceOf(LockLostError);
      expect(await given).toBe('saw it');
    });
  });

  describe('used wrongly', () => {
    const make = (options: unknown): LeaderElection =>
      new LeaderElection(new LockService({ store: all.store, ownsStore: false }), options as never);

    it.each([
      [null, 'the options of an election are an object, received null'],
      [{ key: '' }, "a key must be a non-empty string, received ''"],
      [{}, 'a key must be a non-empty string, received undefined'],
      [
        { key: 'a', leaseTime: 9 },
        'leaseTime must be a number of ms from 10 to 2147483647, received 9',
      ],
      [{ key: 'a', leaseTime: Infinity }, 'received Infinity'],
      [
        { key: 'a', waitTime: 5 },
        'unknown option "waitTime" (5); known are key, leaseTime, log, clock',
      ],
      [{ key: 'a', isGlobal: true }, 'in registerAsync it stands beside useFactory'],
    ])('refuses the options %j', (options, problem) => {
      expect(() => make(options)).toThrow(problem);
    });

    it('refuses to be made of no service, as Nest does when the class is named as a provider', () => {
      const Bare = LeaderElection as unknown as new () => LeaderElection;
      expect(() => new Bare()).toThrow(
        /^a LeaderElection needs a LockService.*LeaderElectionModule\.register/,
      );
    });

    it('refuses a second election for a key on one service, until the first has ended', async () => {
      const a = all.join('a');
      const second = new LeaderElection(a.locks, { key: 'scheduler', clock: a.clock });
      a.election.start();
      expect(() => second.start()).toThrow(
        /^two elections for "scheduler" on one LockService: the second would wait for the first/,
      );
      await a.election.close();
      second.start();
      await second.close();
    });

    it.each([
      [
        { runAgainAfter: -1 },
        'runAgainAfter must be a number of ms from 0 to 2147483647, or Infinity',
      ],
      [{ after: 1 }, 'unknown option "after" (1); known are runAgainAfter'],
      [5, 'the options of stepDown are an object, received 5'],
    ])('stepDown refuses %j', async (options, problem) => {
      await expect(all.join('a').election.stepDown(options as never)).rejects.toThrow(problem);
    });

    it('refuses an event that there is not, and what is no function', () => {
      const { election } = all.join('a');
      expect(() => election.on('elected' as 'gained', () => undefined)).toThrow(
        "an election tells 'gained' and 'lost', not 'elected'",
      );
      expect(() => election.on('lost', 5 as never)).toThrow('a listener is a function, received 5');
    });
  });
});
