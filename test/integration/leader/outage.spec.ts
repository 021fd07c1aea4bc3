import { LeaderElection } from '../../../lib/leader/leader-election.js';
import type { StoreLog } from '../../../lib/stores/store-log.js';
import { openStand, type Stand } from '../holding/stand.js';
import { until } from '../../support/until.js';

const LEASE = 800;

describe('an election when Redis is away', () => {
  let stand: Stand;
  let election: LeaderElection;
  let events: string[];
  const log: StoreLog = {
    log: () => undefined,
    warn: () => undefined,
    error: (text) => void events.push(`error: ${text}`),
  };
  beforeEach(async () => {
    events = [];
    stand = await openStand({ answerTimeout: 300, unavailableAfter: 300 });
    election = new LeaderElection(stand.locks, { key: 'scheduler', leaseTime: LEASE, log });
    election.on('gained', () => events.push('gained'));
    election.on('lost', () => events.push('lost'));
    election.start();
    await election.whenLeader();
  });
  afterEach(async () => {
    stand.server.resume();
    await election.close();
    await stand.close();
  });

  const hasTold = (what: RegExp, times: number) => (): boolean =>
    events.filter((event) => what.test(event)).length === times;

  it('No silent loss: it is lost, said once, and won again when Redis is back', async () => {
    const { signal } = election.term!;
    stand.server.pause();
    await until('it is lost', () => signal.aborted);
    await until('it is said', hasTold(/^error/, 1));
    stand.server.resume();
    await election.whenLeader();
    expect(events).toEqual([
      'gained',
      'lost',
      expect.stringMatching(/^error: no leader of "scheduler" from here, tries again/),
      'gained',
    ]);
  });

  it('Tokens: a Redis that has forgotten it has the same leader again, in a later term', async () => {
    const { token, signal } = election.term!;
    await stand.server.restart();
    await until('it is lost', () => signal.aborted);
    const term = await election.whenLeader();
    expect(term.token).toBeGreaterThan(token);
    expect(await stand.admin.keys('*')).toEqual(['lock:scheduler']);
  });

  it('ends at once for itself when it is closed, and leaves the rest to its lease', async () => {
    const { signal } = election.term!;
    stand.server.pause();
    const closing = election.close();
    expect(election.isLeader).toBe(false);
    expect(signal.aborted).toBe(true);
    await closing;
    stand.server.resume();
    await until('nothing is left', async () => (await stand.admin.dbsize()) === 0);
    expect(events).toEqual(['gained', 'lost']);
  });
});
