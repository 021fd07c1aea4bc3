import { findFaketime } from '../faults/faketime.js';
import { tick, APART } from './clockwork.js';
import { dine, FAIRNESS, spread, THINKING } from './philosophers.js';
import { isWithinBound, LOCAL_BOUND, readAndWrite } from './readers-and-writer.js';

const USAGE = `npm run trial -- philosophers [seconds, default 60] [ms to think on average, default ${THINKING}]
npm run trial -- readers [turns of the writer, default 500]
npm run trial -- cron [ticks, default 60]`;

/** Each says whether what was promised was kept. */
const TRIALS: Record<string, (size?: number, more?: number) => Promise<boolean>> = {
  async philosophers(seconds = 60, thinks = THINKING) {
    const suppers = await dine(seconds, thinks);
    for (const [seat, { meals, longestWait }] of suppers.entries()) {
      console.log(`${seat}: ${meals} meals, longest wait ${longestWait.toFixed(0)} ms`);
    }
    console.log(`most / least: ${spread(suppers).toFixed(3)}, at most ${FAIRNESS}`);
    return spread(suppers) <= FAIRNESS;
  },

  async readers(turns = 500) {
    const result = await readAndWrite(turns);
    const waits = sorted(result.turns.map((turn) => turn.waitedMs));
    const between = sorted(result.turns.map((turn) => turn.readersBetween));
    const overtaking = result.turns.flatMap((turn) => turn.overtaking);
    const leases = Math.max(...result.turns.map((turn) => turn.leasesBetween));
    const isKept = leases === 0 && overtaking.every(isWithinBound);
    console.log(`${result.reads} reads, ${waits.length} writes that were seen waiting`);
    console.log(`the writer waited ${spreadOf(waits)} ms`);
    console.log(`readers in between its arrival and its grant: ${spreadOf(between)}`);
    console.log(`leases given to readers by the store in between: ${leases} at most`);
    console.log(
      `readers that came after it and were in before it, through a lease of before: ${overtaking.length}; ` +
        `${Math.max(0, ...overtaking.map((one) => one.afterMs)).toFixed(1)} ms after the lease at most (bound ${LOCAL_BOUND.time}), ` +
        `${Math.max(0, ...overtaking.map((one) => one.place))} others through one at most (bound ${LOCAL_BOUND.places})`,
    );
    return isKept;
  },

  async cron(ticks = 60) {
    const found = findFaketime();
    if ('missing' in found) throw new Error(found.missing);
    const { kept, plain, heldUp } = await tick(found.library, ticks);
    console.log(
      `two instances, ${APART} ms apart; ${heldUp} ticks left out, an instance came late`,
    );
    for (const [name, runs] of Object.entries({ 'with minHoldTime': kept, without: plain })) {
      const counts = [0, 1, 2].map((n) => `${runs.filter((one) => one === n).length} × ${n}`);
      console.log(`${name}: ${runs.length} ticks, runs a tick: ${counts.join(', ')}`);
    }
    return kept.every((runs) => runs === 1);
  },
};

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function spreadOf(numbers: readonly number[]): string {
  const at = (share: number): string =>
    (numbers[Math.floor((numbers.length - 1) * share)] ?? NaN).toFixed(1);
  return `${at(0.5)} in the median, ${at(0.99)} in 99 of 100, ${at(1)} at most`;
}

const [name = '', ...sizes] = process.argv.slice(2);
const trial = TRIALS[name];
if (!trial) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const isKept = await trial(...sizes.map(Number));
  console.log(isKept ? 'PASS' : 'FAIL');
  process.exitCode = isKept ? 0 : 1;
}
