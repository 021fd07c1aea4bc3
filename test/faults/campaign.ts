import { appendFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Arena, LONGEST_LEASE } from './arena/arena.js';
import { FakeClock, findFaketime } from './faketime.js';
import { allFaults } from './faults/all-faults.js';
import type { Fault } from './faults/fault.js';
import { checkHistory, violations } from './history-checker.js';
import { groupBy, type Finding, type History } from './history.js';
import { moment, pause } from './moment.js';
import { harass, type Turn } from './nemesis.js';
import { readOptions, USAGE, type CampaignOptions } from './options.js';
import { Random } from './random.js';
import { summarize } from './summary.js';
import { renderTable } from './table.js';
import { givesAway } from './worker/saboteurs/sabotage.js';

/** How long callers may take to finish when the load ends: the longest wait, a hold, a release. */
const DRAIN = 10_000;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const faketime = findFaketime();
  if ('missing' in faketime) console.log(`Clocks are not stepped: ${faketime.missing}.`);
  const library = 'library' in faketime ? faketime.library : undefined;
  const faults = chosen(allFaults(library), options);
  const clock = library === undefined ? undefined : new FakeClock(library);
  const arena = await Arena.build({ seed: options.seed, sabotage: options.sabotage, clock });
  const file = options.history ?? join(tmpdir(), `nest-locked-faults-${process.pid}.ndjson`);
  try {
    const { history, turns } = await campaign(arena, faults, options, file);
    const findings = checkHistory(history);
    return verdict(options, history, turns, findings, arena.fleet.said, file);
  } finally {
    await arena.fleet.stop();
    await arena.witness.stop();
    await arena.redis.stop();
    clock?.dispose();
  }
}

function chosen(faults: readonly Fault[], { only }: CampaignOptions): Fault[] {
  if (only.length === 0 || only[0] === 'none') return only.length === 0 ? [...faults] : [];
  for (const name of only) {
    if (!faults.some((fault) => fault.name.startsWith(name))) {
      throw new Error(
        `no fault "${name}"; there are:\n  ${faults.map((fault) => fault.name).join('\n  ')}`,
      );
    }
  }
  return faults.filter((fault) => only.some((name) => fault.name.startsWith(name)));
}

async function campaign(
  arena: Arena,
  faults: readonly Fault[],
  { minutes, seed }: CampaignOptions,
  file: string,
): Promise<{ history: History; turns: Turn[] }> {
  const { fleet, observer, witness } = arena;
  const started = moment();
  const tell = ({ fault, injected, from }: Turn): void =>
    console.log(`${((from - started) / 1000).toFixed(0).padStart(4)} s  ${fault} × ${injected}`);
  const idle: Fault = { name: 'none', inject: () => pause(1_000).then(() => 0) };
  const turns = await harass(
    arena,
    faults.length > 0 ? faults : [idle],
    new Random(seed),
    started + minutes * 60_000,
    tell,
  );
  await fleet.drain(DRAIN);
  const end = moment();
  await observer.stop();
  const left = await leftBehind(arena);
  const { attempts, acceptances, incidents } = await witness.report(file);
  const history: History = {
    attempts,
    acceptances,
    disturbances: arena.disturbances,
    bounds: arena.bounds,
    sightings: observer.sightings,
    deaths: fleet.deaths,
    incidents: [...incidents, ...fleet.incidents, ...arena.incidents, ...left],
    end,
  };
  complete(file, history);
  return { history, turns };
}

/** Adds what the witness has not heard of, so that a finding can be told from the file alone. */
function complete(file: string, history: History): void {
  for (const name of ['disturbances', 'bounds', 'sightings', 'deaths'] as const) {
    for (const item of history[name]) appendFileSync(file, `${JSON.stringify([name, item])}\n`);
  }
}

/** When nobody holds or waits any more, Redis must be empty after a lease. */
async function leftBehind(arena: Arena): Promise<History['incidents'][number][]> {
  const until = moment() + LONGEST_LEASE + 500;
  for (;;) {
    const keys = await arena.ask((redis) => redis.keys('*'));
    if (keys.length === 0) return [];
    if (moment() > until) {
      return keys.map((key) => ({
        kind: 'left behind',
        at: moment(),
        text: `${JSON.stringify(key)} was still there a lease after the last caller had left`,
      }));
    }
    await pause(50);
  }
}

function verdict(
  { seed, minutes, sabotage, history: asked }: CampaignOptions,
  history: History,
  turns: readonly Turn[],
  findings: readonly Finding[],
  said: readonly string[],
  file: string,
): number {
  const wrong = violations(findings);
  const title = `seed ${seed}, ${minutes} min`;
  console.log(`\n${renderTable(history, turns, findings)}\n\n${summarize(history)}\n`);
  for (const ofKind of groupBy(wrong, ({ kind }) => kind).values()) {
    for (const { kind, at, text } of ofKind.slice(0, 5)) {
      const during = turns.findLast((turn) => turn.from <= at)?.fault ?? 'none';
      console.log(`${kind}, during "${during}" at ${at.toFixed(1)}: ${text}`);
    }
    if (ofKind.length > 5) console.log(`… and ${ofKind.length - 5} more of the kind`);
  }
  const found = wrong.length > 0;
  if (found && sabotage === undefined) {
    for (const words of said.slice(0, 5)) console.log(`stderr of ${words}`);
  }
  if (found && sabotage === undefined) console.log(`The history is in ${file}`);
  else if (asked === undefined) rmSync(file, { force: true });
  if (sabotage !== undefined) {
    const isFoundOut = givesAway(sabotage, wrong);
    console.log(
      isFoundOut
        ? `PASS: ${title}: the sabotage of ${sabotage} was found out, ${wrong.length} violations`
        : `FAIL: ${title}: the sabotage of ${sabotage} was not found out`,
    );
    return isFoundOut ? 0 : 1;
  }
  console.log(
    found
      ? `FAIL: ${title}: ${wrong.length} violations`
      : `PASS: ${title}: ${history.attempts.length} attempts, no violation`,
  );
  return found ? 1 : 0;
}

// By way of 'exit', which takes the processes along that were started here.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    console.error(USAGE);
    process.exit(2);
  },
);
