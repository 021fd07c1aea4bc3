import { Heard, openStand, type Stand } from '../holding/stand.js';

/** How soon a holder knows, once the server can be asked again, on a slow machine, in ms. */
const SOON = 1_000;

describe('locks with a long lease, after an outage', () => {
  let stand: Stand;
  let lost: Heard;
  beforeEach(async () => {
    stand = await openStand({ leaseTime: 60_000 });
    lost = new Heard('nest-locked:lost');
  });
  afterEach(async () => {
    lost.stop();
    await stand.close();
  });

  it.each([
    ['held by one who has nothing else to do', false],
    ['with others in the queue', true],
  ])(
    'No silent loss: what was forgotten meanwhile is told within a second, %s',
    async (_, waits) => {
      const { locks, proxy, client, admin } = stand;
      const held = await Promise.all(['a', 'b', 'c'].map((key) => locks.acquire(key)));
      const next = waits ? locks.acquire('a', { fair: true, waitTime: 30_000 }) : undefined;
      const back = new Promise((resolve) => client.once('ready', resolve));
      // While it is cut off, it can neither be told nor ask.
      proxy.halfOpen('both', true);
      await admin.flushall();
      proxy.heal();
      await back;
      const ready = performance.now();

      await lost.count(3);

      expect(performance.now() - ready).toBeLessThan(SOON);
      expect(held.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
      const heir = await next;
      expect(heir ? heir.token > held[0]!.token : true).toBe(true);
      await heir?.release();
    },
  );

  it('No silent loss: of some that were kept and some that were not, those that were not are told', async () => {
    const { locks, proxy, client, admin } = stand;
    const [kept, gone] = await Promise.all([locks.acquire('kept'), locks.acquire('gone')]);
    const back = new Promise((resolve) => client.once('ready', resolve));
    proxy.halfOpen('both', true);
    await admin.del('lock:gone');
    proxy.heal();
    await back;
    const ready = performance.now();

    await lost.count(1);

    expect(performance.now() - ready).toBeLessThan(SOON);
    expect([kept.isHeld(), gone.isHeld()]).toEqual([true, false]);
    expect(await kept.release()).toBe(true);
  });
});
