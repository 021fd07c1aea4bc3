import { LONGEST_LEASE, type Arena } from './arena/arena.js';
import type { Fault } from './faults/fault.js';
import type { Span } from './history.js';
import { moment, pause } from './moment.js';
import type { Random } from './random.js';

/** One fault's turn, to the beginning of the next: what goes wrong in it is its doing. */
export interface Turn extends Span {
  readonly fault: string;
  injected: number;
}

/** How long one fault is made again and again, at least once. */
const TURN = 2_500;
/** The same in a short campaign, so that each fault has its turn in about two minutes. */
const SHORT_TURN = 1_200;
const SHORT_CAMPAIGN = 4 * 60_000;
/** Then all is quiet, for long enough that no lease of before is left. */
const CALM = LONGEST_LEASE + 300;

/** Gives every fault its turn, in a new order each round, until the time is over. */
export async function harass(
  arena: Arena,
  faults: readonly Fault[],
  random: Random,
  until: number,
  tell: (turn: Turn) => void,
): Promise<Turn[]> {
  const turns: Turn[] = [];
  const length = until - moment() < SHORT_CAMPAIGN ? SHORT_TURN : TURN;
  const begin = (fault: string): Turn => {
    const turn = { fault, from: moment(), to: Infinity, injected: 0 };
    turns.push(turn);
    return turn;
  };
  const end = (turn: Turn): void => {
    turn.to = moment();
    tell(turn);
  };
  const quiet = begin('none');
  await pause(CALM);
  end(quiet);
  while (moment() < until) {
    for (const fault of random.shuffle(faults)) {
      if (moment() >= until) break;
      const turn = begin(fault.name);
      while (moment() < Math.min(turn.from + length, until)) {
        turn.injected += await fault.inject(arena, random);
      }
      await pause(CALM);
      end(turn);
    }
  }
  return turns;
}
