import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

import {
  LockLostError,
  LockTicketError,
  LockUsageError,
  detailOf,
} from '../../../lib/lock/lock.errors.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import { MemoryStore } from '../../../lib/stores/memory/memory-store.js';
import { Stage } from '../../support/gate.js';
import { until, watch } from '../../support/until.js';
import { withTwoPods, problemOf, untilWaiting, type Pod, type Pods } from './pods.js';
import { Heard } from './stand.js';

const KEY = 'order:42';

describe('a lock that goes from process to process', () => {
  let pods: Pods;
  let here: Pod;
  let there: Pod;
  withTwoPods((...opened) => ([pods, here, there] = opened));

  const holders = async (): Promise<number> => (await there.store.inspect(KEY)).holders.length;

  it.each([
    ['exclusive', {}],
    ['shared', { mode: 'shared', fair: true }],
    ['limited', { limit: 5, permits: 2 }],
  ] as const)('Tokens: an %s one is resumed elsewhere, with a larger token', async (_, options) => {
    const lock = await here.locks.acquire(KEY, options);
    const { signal } = lock;

    const ticket = await lock.handOff();

    expect(ticket).toMatch(/^[\w.-]+$/);
    expect([lock.isHeld(), lock.ended, lock.lost]).toEqual([false, true, undefined]);
    expect(await holders()).toBe(1);
    const resumed = await there.locks.resume(ticket);
    expect(resumed.key).toBe(KEY);
    expect(resumed.mode).toEqual(lock.mode);
    expect(resumed.token).toBeGreaterThan(lock.token);
    expect(resumed.isHeld()).toBe(true);
    expect(await holders()).toBe(1);
    // Of the one that went on, the holder before neither takes nor loses anything.
    expect(await lock.release()).toBe(true);
    await resumed.extend();
    expect(signal.aborted).toBe(false);
    expect(await resumed.release()).toBe(true);
  });

  it('Exclusion: nobody gets in between, and who waits gets in after the end', async () => {
    const lock = await here.locks.acquire(KEY);
    const waiting = here.locks.acquire(KEY);
    const seen = watch(waiting);
    const remote = there.locks.acquire(KEY, { fair: true });
    await untilWaiting(there, KEY, 1);

    const ticket = await lock.handOff();
    // Who waited here for it to be handed over waits in the store now.
    await untilWaiting(there, KEY, 2);
    expect(await there.locks.tryAcquire(KEY)).toBeNull();
    const resumed = await there.locks.resume(ticket);
    expect(await here.locks.tryAcquire(KEY)).toBeNull();
    expect(seen.settled).toBe(false);
    await resumed.release();

    const next = await remote;
    expect(next.token).toBeGreaterThan(resumed.token);
    await next.release();
    const last = await waiting;
    expect(last.token).toBeGreaterThan(next.token);
    await last.release();
  });

  it('Tokens: grow over hand-overs before it is handed off, and after it was resumed', async () => {
    const tokens: number[] = [];
    const first = await here.locks.acquire(KEY);
    const queue = [1, 2, 3].map(() => here.locks.acquire(KEY));
    tokens.push(first.token);
    await first.release();
    const second = await queue[0]!;
    tokens.push(second.token);
    await second.release();
    const third = await queue[1]!;
    tokens.push(third.token);
    const resumed = await there.locks.resume(await third.handOff());
    tokens.push(resumed.token);
    await resumed.release();
    const fourth = await queue[2]!;
    tokens.push(fourth.token);
    await fourth.release();

    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  it('goes on from process to process, and back', async () => {
    let lock = await here.locks.acquire(KEY);
    for (const { locks } of [there, here, here, there]) {
      const next = await locks.resume(await lock.handOff());
      expect(next.token).toBeGreaterThan(lock.token);
      lock = next;
    }
    expect(await lock.release()).toBe(true);
  });

  it('is renewed where it was resumed, and ends there with its maxHoldTime', async () => {
    const lock = await here.locks.acquire(KEY);
    const ticket = await lock.handOff();
    const renewed = new Heard('nest-locked:renew');
    const resumed = await there.locks.resume(ticket, { leaseTime: 600, maxHoldTime: 1_500 });
    const { signal } = resumed;
    try {
      await renewed.count(2);
      expect(resumed.isHeld()).toBe(true);
      await until('the end', () => signal.aborted);
    } finally {
      renewed.stop();
    }
    expect(signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      detail: expect.stringContaining('maxHoldTime') as string,
    });
    await (await here.locks.acquire(KEY)).release();
  });

  it('resumed with renew: false it ends with its lease', async () => {
    const ticket = await (await here.locks.acquire(KEY)).handOff();
    const resumed = await there.locks.resume(ticket, { leaseTime: 100, renew: false });
    const { signal } = resumed;
    await until('the end', () => signal.aborted);
    expect(detailOf(signal.reason)).toContain('its leaseTime has passed');
    await (await here.locks.acquire(KEY)).release();
  });

  describe('a ticket', () => {
    it('is good for one resumption, whoever comes second', async () => {
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      const resumed = await there.locks.resume(ticket);

      for (const { locks } of [here, there]) {
        const problem = await problemOf(locks.resume(ticket));
        expect(problem).toBeInstanceOf(LockTicketError);
        expect(problem).toMatchObject({ code: 'LOCK_TICKET', reason: 'ended', key: KEY });
      }
      expect(resumed.isHeld()).toBe(true);
      await resumed.extend();
      expect(await resumed.release()).toBe(true);
      expect(await problemOf(here.locks.resume(ticket))).toMatchObject({ reason: 'ended' });
    });

    it('that two claim at once goes to one of them', async () => {
      for (let round = 0; round < 20; round += 1) {
        const ticket = await (await here.locks.acquire(KEY)).handOff();
        const claims = await Promise.allSettled(
          [here, there, here, there].map(({ locks }) => locks.resume(ticket)),
        );
        const won = claims.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
        expect(won).toHaveLength(1);
        expect(await won[0]!.release()).toBe(true);
      }
    });

    it('that nobody claims ends with its lease, and not before', async () => {
      const lock = await here.locks.acquire(KEY);
      const before = performance.now();
      const ticket = await lock.handOff({ leaseTime: 300 });
      const next = await there.locks.acquire(KEY);
      expect(performance.now() - before).toBeGreaterThan(298);

      expect(next.token).toBeGreaterThan(lock.token);
      expect(await problemOf(here.locks.resume(ticket))).toMatchObject({ reason: 'ended' });
      expect(await next.release()).toBe(true);
    });

    it('is kept for as long as it says, however soon the maxHoldTime of its holder would end', async () => {
      const lock = await here.locks.acquire(KEY, { leaseTime: 1_000, maxHoldTime: 2_000 });
      const ticket = await lock.handOff({ leaseTime: 60_000 });

      const [holder] = (await there.store.inspect(KEY)).holders;
      expect(holder!.remainingMs).toBeGreaterThan(50_000);
      await (await there.locks.resume(ticket)).release();
    });

    it('says nothing of a lock that was lost', async () => {
      const lock = await here.locks.acquire(KEY);
      await there.locks.forceRelease(KEY);

      const problem = await problemOf(lock.handOff());

      expect(problem).toBeInstanceOf(LockLostError);
      expect(lock.isHeld()).toBe(false);
      expect(await lock.release()).toBe(false);
    });

    it('of a lock that was taken from it by force is at its end', async () => {
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      expect(await there.locks.forceRelease(KEY)).toBe(true);
      expect(await problemOf(there.locks.resume(ticket))).toMatchObject({ reason: 'ended' });
    });

    it('of another prefix, or another kind of store, is foreign, and both places are named', async () => {
      const other = await pods.open({ keyPrefix: 'other' });
      const memory = new LockService({ store: new MemoryStore() });
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      const strange = await (await memory.acquire(KEY)).handOff();

      for (const [locks, foreign] of [
        [other.locks, ticket],
        [memory, ticket],
        [here.locks, strange],
      ] as const) {
        const problem = await problemOf(locks.resume(foreign));
        expect(problem).toBeInstanceOf(LockTicketError);
        expect(problem).toMatchObject({ reason: 'foreign', key: KEY });
        expect(detailOf(problem)).toContain('"redis lock"');
      }
      await (await there.locks.resume(ticket)).release();
      await (await memory.resume(strange)).release();
      await memory.close();
    });

    it.each([
      ['nothing', () => ''],
      ['half of it', (ticket: string) => ticket.slice(0, ticket.length / 2)],
      ['all but a letter', (ticket: string) => ticket.slice(0, -1)],
      ['another letter in it', (ticket: string) => change(ticket, 20)],
      ['another letter at its end', (ticket: string) => change(ticket, ticket.length - 1)],
      ['more than it', (ticket: string) => `${ticket}.x`],
      ['it twice', (ticket: string) => ticket + ticket],
      ['it with a line end', (ticket: string) => `${ticket}\n`],
      ['another version of it', (ticket: string) => ticket.replace(/^nlt1/, 'nlt2')],
      ['it in an object', (ticket: string) => ({ ticket })],
      ['it in a list', (ticket: string) => [ticket]],
      ['it in a list in an object', (ticket: string) => ({ data: [{ ticket }] })],
      ['undefined', () => undefined],
      ['null', () => null],
      ['a number', () => 42],
    ])('that is mangled, %s, is refused by name, and no secret is told', async (_, mangle) => {
      const ticket = await (await here.locks.acquire(KEY)).handOff();

      const problem = await problemOf(there.locks.resume(mangle(ticket) as string));

      expect(problem).toBeInstanceOf(LockTicketError);
      expect(problem).toMatchObject({ code: 'LOCK_TICKET', reason: 'mangled' });
      expect(detailOf(problem)).toMatch(/received/);
      const said = inspect(problem) + JSON.stringify(problem);
      for (const secret of ticket.split('.').slice(1)) expect(said).not.toContain(secret);
      await (await there.locks.resume(ticket)).release();
    });

    it('that has ended, or is foreign, tells no secret', async () => {
      const other = await pods.open({ keyPrefix: 'other' });
      const lock = await here.locks.acquire(KEY);
      const { owner } = lock.lease.grant;
      const ticket = await lock.handOff();
      const foreign = await problemOf(other.locks.resume(ticket));
      await (await there.locks.resume(ticket)).release();
      const ended = await problemOf(there.locks.resume(ticket));

      for (const problem of [foreign, ended]) {
        const said = inspect(problem) + JSON.stringify(problem);
        expect(said).not.toContain(owner.slice(owner.indexOf('#')));
        expect(said).not.toContain(ticket.split('.')[1]);
      }
      expect(inspect(lock) + JSON.stringify(lock)).not.toContain(owner.slice(owner.indexOf('#')));
    });

    /** What somebody makes who knows the form: place, key, mode, owner, token, last token. */
    const forge = (fields: readonly unknown[]): string => {
      const body = Buffer.from(JSON.stringify(fields)).toString('base64url');
      const sum = createHash('sha256').update(body).digest('base64url').slice(0, 8);
      return `nlt1.${body}.${sum}`;
    };
    const EXCLUSIVE = { kind: 'exclusive' };
    const OWNER = 'host:1#secret.1';

    it.each([
      ['an owner that says more than one thing', [KEY, EXCLUSIVE, `${OWNER} 1 f 0 0 0`, 1, 1]],
      ['an owner with a line end', [KEY, EXCLUSIVE, `${OWNER}\n`, 1, 1]],
      ['no owner', [KEY, EXCLUSIVE, '', 1, 1]],
      ['an owner that is a number', [KEY, EXCLUSIVE, 1, 1, 1]],
      ['a token with words behind it', [KEY, EXCLUSIVE, OWNER, '1 f 0 0 0', 1]],
      ['a last token with words behind it', [KEY, EXCLUSIVE, OWNER, 1, '1 x 1 f 0 0 0']],
      ['a token that is no safe number', [KEY, EXCLUSIVE, OWNER, 1e300, 1e300]],
      ['a negative token', [KEY, EXCLUSIVE, OWNER, -1, -1]],
      ['no key', ['', EXCLUSIVE, OWNER, 1, 1]],
      ['a key that is a list', [['a'], EXCLUSIVE, OWNER, 1, 1]],
      ['no mode', [KEY, null, OWNER, 1, 1]],
      ['a mode that there is not', [KEY, { kind: 'alone' }, OWNER, 1, 1]],
      ['a limit of words', [KEY, { kind: 'limited', limit: '1 f 0 0', permits: 1 }, OWNER, 1, 1]],
      [
        'more permits than there are',
        [KEY, { kind: 'limited', limit: 1, permits: 2 }, OWNER, 1, 1],
      ],
      ['nothing but the place', []],
    ])('that was made up, with %s, is refused and reaches no lock', async (_, fields) => {
      const held = await there.locks.acquire(KEY);
      const other = await here.locks.acquire('other');

      // While as many calls are under way as may be, what is asked travels together in the next.
      const busy = Array.from({ length: 64 }, (_, i) => there.locks.inspect(`busy:${i}`));
      const claimed = problemOf(there.locks.resume(forge(['redis lock', ...fields])));
      const beside = there.locks.tryAcquire('other');
      await Promise.all(busy);

      expect(await beside).toBeNull();
      expect(await claimed).toBeInstanceOf(LockTicketError);
      expect(await claimed).toMatchObject({ reason: 'mangled' });
      for (const lock of [held, other]) {
        await lock.extend();
        expect(await lock.release()).toBe(true);
      }
    });

    it('that is no list at all is refused', async () => {
      for (const fields of [null, 5, {}, 'text']) {
        const body = Buffer.from(JSON.stringify(fields)).toString('base64url');
        const sum = createHash('sha256').update(body).digest('base64url').slice(0, 8);
        const problem = await problemOf(there.locks.resume(`nlt1.${body}.${sum}`));
        expect(problem).toMatchObject({ reason: 'mangled' });
      }
    });
  });

  describe('who hands it off', () => {
    it('in a scope ends well: neither lost nor given back', async () => {
      const lost = new Heard('nest-locked:lost');
      const ticket = await here.locks.using(KEY, (lock) => lock.handOff());

      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      const resumed = await there.locks.resume(ticket);
      expect(resumed.isHeld()).toBe(true);
      await resumed.release();
      lost.stop();
      expect(lost.events).toEqual([]);
    });

    it('in a scope of several keys keeps the others to the end', async () => {
      const ticket = await here.locks.using(['a', KEY], async (set) => {
        const written = await set.locks[1]!.handOff();
        expect(set.locks[0]!.isHeld()).toBe(true);
        expect([set.isHeld(), set.lost]).toEqual([false, undefined]);
        return written;
      });

      await (await there.locks.acquire('a', { waitTime: 0 })).release();
      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      await (await there.locks.resume(ticket)).release();
    });

    it('at shutdown does not give it back, and is not waited for', async () => {
      const pod = await pods.open({ shutdownTimeout: 60_000 });
      const ticket = await (await pod.locks.acquire(KEY)).handOff();

      await pod.locks.close();

      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      await (await there.locks.resume(ticket)).release();
    });

    it('while others hold inside it or beside it is refused, and holds on', async () => {
      const lock = await here.locks.acquire(KEY);
      const inner = await lock.run(() => here.locks.acquire(KEY));
      expect(await problemOf(lock.handOff())).toBeInstanceOf(LockUsageError);
      expect(await problemOf(inner.handOff())).toBeInstanceOf(LockUsageError);
      expect([lock.isHeld(), inner.isHeld()]).toEqual([true, true]);
      await inner.release();
      await lock.release();

      const readers = await Promise.all(
        [1, 2].map(() => here.locks.acquire(KEY, { mode: 'shared' })),
      );
      for (const reader of readers) {
        const problem = await problemOf(reader.handOff());
        expect(problem).toBeInstanceOf(LockUsageError);
        expect(detailOf(problem)).toContain('fair: true');
      }
      await readers[0]!.release();
      const resumed = await there.locks.resume(await readers[1]!.handOff());
      expect(resumed.mode).toEqual({ kind: 'shared' });
      await resumed.release();
    });

    it.each([9, -1, Number.NaN, Infinity, '5s', null])(
      'for a leaseTime of %p is refused, and holds on',
      async (leaseTime) => {
        const lock = await here.locks.acquire(KEY);
        const problem = await problemOf(lock.handOff({ leaseTime: leaseTime as number }));
        expect(problem).toBeInstanceOf(LockUsageError);
        expect(detailOf(problem)).toContain('leaseTime must be a number of ms from 10');
        expect(lock.isHeld()).toBe(true);
        await lock.release();
      },
    );

    it('No leftover: gives it back when it releases it meanwhile', async () => {
      const lock = await here.locks.acquire(KEY);
      here.valve.hold('down', 'commands');
      const handing = problemOf(lock.handOff({ leaseTime: 60_000 }));
      await here.valve.kept('down');
      const released = lock.release();
      here.valve.open();

      expect(await handing).toBeInstanceOf(LockLostError);
      expect(await released).toBe(true);
      const next = await there.locks.acquire(KEY, { waitTime: 1_000 });
      await next.release();
    });

    it('No leftover: passes it on when it releases it meanwhile and others of its process wait', async () => {
      const lock = await here.locks.acquire(KEY);
      const waiting = here.locks.acquire(KEY);
      here.valve.hold('down', 'commands');
      const handing = problemOf(lock.handOff());
      await here.valve.kept('down');
      const released = lock.release();
      here.valve.open();

      expect(await handing).toBeInstanceOf(LockLostError);
      expect(await released).toBe(true);
      const next = await waiting;
      await next.extend();
      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      expect(await next.release()).toBe(true);
    });

    it('twice at once has one ticket, and the second is told that it has ended', async () => {
      const lock = await here.locks.acquire(KEY);

      const answers = await Promise.allSettled([lock.handOff(), lock.handOff()]);

      expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      const ticket = (answers[0] as PromiseFulfilledResult<string>).value;
      await (await there.locks.resume(ticket)).release();
    });

    it('lets no reader of its process in through the lease that is about to leave', async () => {
      const pod = await pods.open({ handOver: { count: 64, time: 60_000 } });
      const reader = await pod.locks.acquire(KEY, { mode: 'shared' });
      pod.valve.hold('down', 'commands');
      const handing = reader.handOff();
      await pod.valve.kept('down');
      const joining = pod.locks.acquire(KEY, { mode: 'shared' });
      pod.valve.open();

      const ticket = await handing;
      const second = await joining;
      expect(await holders()).toBe(2);
      const resumed = await there.locks.resume(ticket);
      await second.extend();
      expect(await second.release()).toBe(true);
      expect(await resumed.release()).toBe(true);
    });

    it('Exclusion: lets nobody in from within while it leaves', async () => {
      const lock = await here.locks.acquire(KEY);
      here.valve.hold('down', 'commands');
      const handing = lock.handOff();
      await here.valve.kept('down');
      const inner = lock.run(() => here.locks.acquire(KEY));
      const seen = watch(inner);
      here.valve.open();

      const resumed = await there.locks.resume(await handing);
      expect(seen.settled).toBe(false);
      expect(await resumed.release()).toBe(true);
      const own = await inner;
      expect(own.token).toBeGreaterThan(resumed.token);
      expect(await own.release()).toBe(true);
    });

    it('without an answer goes on holding it as before', async () => {
      const pod = await pods.open({ answerTimeout: 100 });
      const lock = await pod.locks.acquire(KEY, { leaseTime: 5_000 });
      pod.valve.hold('up', 'commands');
      const problem = await problemOf(lock.handOff({ leaseTime: 60_000 }));
      pod.valve.open();

      expect(problem).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      expect(lock.isHeld()).toBe(true);
      expect(lock.ended).toBe(false);
      await lock.extend();
      expect(await lock.release()).toBe(true);
    });
  });

  describe('who resumes it', () => {
    it('No leftover: while its service closes keeps nothing', async () => {
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      there.valve.hold('down', 'commands');
      const resuming = problemOf(there.locks.resume(ticket));
      await there.valve.kept('down');
      const closing = there.locks.close();
      there.valve.open();

      expect(await resuming).toMatchObject({ code: 'LOCK_ABORTED' });
      await closing;
      await (await here.locks.acquire(KEY, { waitTime: 2_000 })).release();
    });

    it('after its service has closed is told so, and the ticket stays good', async () => {
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      await there.locks.close();

      expect(await problemOf(there.locks.resume(ticket))).toMatchObject({ code: 'LOCK_ABORTED' });

      await (await here.locks.resume(ticket)).release();
    });

    it('No leftover: whose answer comes too late keeps nothing', async () => {
      const pod = await pods.open({ answerTimeout: 100 });
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      pod.valve.hold('down', 'commands');

      expect(await problemOf(pod.locks.resume(ticket))).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      pod.valve.open();

      await (await here.locks.acquire(KEY, { waitTime: 2_000 })).release();
    });

    it('No leftover: whose answer never comes keeps nothing', async () => {
      const pod = await pods.open({ answerTimeout: 100 });
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      pod.valve.hold('down', 'commands');

      expect(await problemOf(pod.locks.resume(ticket))).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      pod.valve.cut();
      pod.valve.open();

      await (await here.locks.acquire(KEY, { waitTime: 4_000 })).release();
    });

    it('nests in it as in any other', async () => {
      const ticket = await (await here.locks.acquire(KEY)).handOff();
      const resumed = await there.locks.resume(ticket);
      const stage = new Stage();
      const inner = resumed.run(() => there.locks.using(KEY, () => stage.pause()));
      await stage.entered;
      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      stage.goOn();
      await inner;
      expect(await resumed.release()).toBe(true);
    });
  });
});

/** With another letter at `at`. */
function change(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
}
