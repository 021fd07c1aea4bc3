import { Redis } from 'ioredis';

import { LeaderElection } from '../../../../lib/leader/leader-election.js';
import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { moment } from '../../../faults/moment.js';
import { childConfig, tellParent } from '../../../support/child.js';

export interface CandidateConfig {
  readonly port: number;
  readonly key: string;
  readonly leaseTime: number;
  /** It believes for ever in what it was once: it must be found out. */
  readonly deaf?: boolean;
}

/** What a candidate tells; moments are those of the machine. */
export type Report =
  | { readonly kind: 'gained' | 'lost'; readonly token: number; readonly at: number }
  /** It certainly believed from the one moment to the other. */
  | { readonly kind: 'belief'; readonly token: number; readonly from: number; readonly to: number };

/** How often it asks itself whether it is leader, and tells so, in ms. */
const LOOK = 1;
const TELL = 20;

/** Runs for leader until it is told to end, and proves what it believes meanwhile. */
const { port, key, leaseTime, deaf = false } = childConfig() as CandidateConfig;
const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 20, disconnectTimeout: 100 });
client.on('error', () => undefined);
const locks = new LockService({
  store: new RedisStore({ client, answerTimeout: 500 }),
  unavailableAfter: 500,
});
const election = new LeaderElection(locks, { key, leaseTime });
const tell = (report: Report): void => void tellParent(report).catch(() => undefined);
election.on('gained', ({ token }) => tell({ kind: 'gained', token, at: moment() }));
election.on('lost', ({ token }) => tell({ kind: 'lost', token, at: moment() }));

let belief: { token: number; from: number; to: number } | undefined;
let isNews = false;
let lastToken: number | undefined;

function look(): void {
  const before = moment();
  const term = election.term?.token;
  const after = moment();
  const token = term ?? (deaf ? lastToken : undefined);
  lastToken = token;
  if (belief && belief.token !== token) tellBelief();
  if (token === undefined) return;
  // Somewhere between the two moments it believed: certainly after the first yes and before the last.
  if (belief?.token === token) belief.to = before;
  else belief = { token, from: after, to: after };
  isNews = true;
}

function tellBelief(): void {
  if (belief && isNews) tell({ kind: 'belief', ...belief });
  isNews = false;
  if (belief?.token !== election.term?.token && !deaf) belief = undefined;
}

const looking = setInterval(look, LOOK);
const telling = setInterval(tellBelief, TELL);
process.on('message', (message: { do: 'stepDown' | 'end' }) => {
  if (message.do === 'stepDown') void election.stepDown();
  else void end();
});

async function end(): Promise<void> {
  clearInterval(looking);
  clearInterval(telling);
  await election.close();
  await locks.close();
  client.disconnect();
  process.disconnect();
}

election.start();
await client.ping();
await tellParent({ kind: 'ready' });
