import { parseArgs } from 'node:util';
import { isSabotage, SABOTAGES, SHOWN_BY, type Sabotage } from './worker/saboteurs/sabotage.js';

export interface CampaignOptions {
  readonly minutes: number;
  readonly seed: string;
  /** Names, or beginnings of names, of the faults to make; all when empty. */
  readonly only: readonly string[];
  readonly sabotage: Sabotage | undefined;
  /** Where to leave the history; a temporary file, kept after a violation, when left out. */
  readonly history: string | undefined;
}

export const USAGE = `npm run faults -- [options]
  --minutes N        how long to make trouble (default 2)
  --seed S           the same seed, the same faults in the same order (default 1)
  --only a,b         only faults whose name begins so; --only none: no fault at all
  --sabotage [kind]  a lock that must fail; the exit code is 0 if, and only if, it was found out:
                     naive (SET NX, the default), deaf (never admits a loss), identity (two services
                     take each other's locks for their own), order (leaves before the answer),
                     silent-loss (keeps losses to itself), three-answers (takes an error for an
                     outage), open-door (readers beside writers), one-more (than there are permits),
                     two-faced (believes in what it has left, claims what is claimed); order,
                     silent-loss and three-answers by the one fault that shows it, unless --only
                     says more
  --history FILE     keep what was recorded
`;

export function readOptions(args: readonly string[]): CampaignOptions {
  // An option whose value may be left out is none that parseArgs knows.
  const given = args.flatMap((arg, i) =>
    arg === '--sabotage' && !/^\w/.test(args[i + 1] ?? '') ? [arg, 'naive'] : [arg],
  );
  const { values } = parseArgs({
    args: given,
    options: {
      minutes: { type: 'string', default: '2' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      sabotage: { type: 'string' },
      history: { type: 'string' },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error(`--minutes ${values.minutes}?`);
  const { sabotage } = values;
  if (sabotage !== undefined && !isSabotage(sabotage)) {
    throw new Error(`--sabotage ${sabotage}? ${Object.keys(SABOTAGES).join(', ')}`);
  }
  const shown = sabotage === undefined ? undefined : SHOWN_BY[sabotage];
  const only = (values.only || (shown ?? '')).split(',').filter((name) => name !== '');
  return { minutes, seed: values.seed, only, sabotage, history: values.history };
}
