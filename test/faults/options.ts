import { parseArgs } from 'node:util';
import type { Sabotage } from './worker/worker.js';

export interface CampaignOptions {
  readonly minutes: number;
  readonly seed: string;
  /** Names, or beginnings of names, of the faults to make; all when empty. */
  readonly only: readonly string[];
  readonly sabotage: Sabotage;
  /** Where to leave the history; a temporary file, kept after a violation, when left out. */
  readonly history: string | undefined;
}

export const USAGE = `npm run faults -- [options]
  --minutes N        how long to make trouble (default 2)
  --seed S           the same seed, the same faults in the same order (default 1)
  --only a,b         only faults whose name begins so; --only none: no fault at all
  --sabotage [kind]  a lock that must fail: naive (SET NX, the default) or deaf (never admits a loss);
                     the exit code is 0 if, and only if, it was found out
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
      sabotage: { type: 'string', default: 'none' },
      history: { type: 'string' },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error(`--minutes ${values.minutes}?`);
  const { sabotage } = values;
  if (sabotage !== 'none' && sabotage !== 'naive' && sabotage !== 'deaf') {
    throw new Error(`--sabotage ${sabotage}? naive or deaf`);
  }
  const only = values.only.split(',').filter((name) => name !== '');
  return { minutes, seed: values.seed, only, sabotage, history: values.history };
}
