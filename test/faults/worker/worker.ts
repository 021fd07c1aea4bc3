import { moment } from '../moment.js';
import { Random } from '../random.js';
import { WitnessClient } from '../witness/witness-client.js';
import { Caller } from './caller.js';
import { Heir } from './heir.js';
import type { KeyPlan } from './key-plan.js';
import { Leader } from './leader.js';
import { openSubject, type Sabotage } from './saboteurs/sabotage.js';
import { StallMeter } from './stall-meter.js';

/** What a worker process is told in its first argument. */
export interface WorkerConfig {
  readonly name: string;
  readonly url: string;
  readonly witnessPort: number;
  readonly seed: string;
  readonly callers: number;
  readonly keys: readonly KeyPlan[];
  readonly sabotage?: Sabotage | undefined;
}

/** What the campaign tells it while it runs. */
export type WorkerOrder =
  | { readonly type: 'block'; readonly ms: number }
  /** Whoever is inside, or gets inside meanwhile, stays so long, unless it loses its lock. */
  | { readonly type: 'cling'; readonly ms: number }
  /** Holds are of a few ms for so long. */
  | { readonly type: 'brief'; readonly ms: number }
  | { readonly type: 'drain'; readonly within: number };

const config = JSON.parse(process.argv[2] ?? '{}') as WorkerConfig;
const { name, url, keys, seed } = config;
const witness = await WitnessClient.open(config.witnessPort);

process.on('unhandledRejection', (reason) => {
  const text = `${name}: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`;
  witness.tell({ type: 'incident', kind: 'unhandled rejection', at: moment(), text });
});
process.on('disconnect', () => process.exit(0));

const subject = await openSubject(config.sabotage, url, name);
const pace = { clingUntil: 0, briefUntil: 0 };
const tools = { worker: name, keys, subject, witness, pace, meter: new StallMeter() };
const toolsOf = (role: string) => ({ ...tools, random: new Random(`${seed} ${role}`) });
const callers = [
  ...Array.from({ length: config.callers }, (_, i) => `${name}/${i}`).map(
    (role) => new Caller(role, toolsOf(role)),
  ),
  ...keys
    .filter(({ use }) => use === 'lead')
    .map((key) => new Leader(`${name}/leader`, key, toolsOf(`${name}/leader`))),
];
const heir = new Heir(name, keys, toolsOf(`${name}/heir`));
witness.onTicket = (offer) => heir.take(offer);
const done = Promise.all(callers.map((caller) => caller.run())).then(() => heir.finish());

process.on('message', (order: WorkerOrder) => {
  if (order.type === 'block') block(order.ms);
  else if (order.type === 'cling') pace.clingUntil = moment() + order.ms;
  else if (order.type === 'brief') pace.briefUntil = moment() + order.ms;
  else void drain(order.within);
});
process.send?.({ type: 'ready' });

/** Nothing of this process runs meanwhile. */
function block(ms: number): void {
  const until = moment() + ms;
  while (moment() < until);
}

/** Lets every caller finish what it is doing, closes the library, and says who could not. */
async function drain(within: number): Promise<void> {
  const roles = [...callers, heir];
  for (const role of roles) role.stop();
  const late = setTimeout(() => {
    for (const { doing } of roles) {
      if (doing !== 'nothing') {
        witness.tell({ type: 'incident', kind: 'stuck', at: moment(), text: `${name}: ${doing}` });
      }
    }
    process.send?.({ type: 'drained' });
  }, within);
  await done;
  await subject.close();
  clearTimeout(late);
  process.send?.({ type: 'drained' });
}
