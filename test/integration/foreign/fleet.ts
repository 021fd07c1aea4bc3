import { startChild } from '../../support/child.js';
import { sleep } from '../../support/until.js';
import type { MigrantConfig, Stay } from './children/migrant.child.js';

/** What one side of a migration got. */
export interface Side {
  readonly holds: number;
  /** Of all holds, 0 to 1. */
  readonly share: number;
  /** The longest that one of its callers waited for the lock, in ms. */
  readonly longestWait: number;
}

export interface Course {
  readonly ours: Side;
  readonly theirs: Side;
  /** How often two were inside at one time. */
  readonly overlaps: number;
  /** The share of the time in which somebody was inside. */
  readonly use: number;
}

export interface Fleet {
  readonly port: number;
  readonly key: string;
  /** Whose lock each process takes: a library's name, or `ours`. */
  readonly processes: readonly string[];
  readonly callers?: number;
  readonly ms: number;
}

/** How long theirs are at it before ours come, in ms. */
const LEAD = 500;

/** Processes that all want one lock all the time, with work of 10 to 20 ms under it. */
export async function runFleet({ port, key, processes, callers = 1, ms }: Fleet): Promise<Course> {
  const members = processes.map((library) => ({
    library,
    child: startChild('integration/foreign/children/migrant.child.ts', {
      port,
      key,
      library,
      callers,
    } satisfies MigrantConfig),
  }));
  await Promise.all(members.map(({ child }) => child.next()));
  // As in a migration theirs were there first.
  for (const { library, child } of members) if (library !== 'ours') child.send({ ms: LEAD + ms });
  await sleep(LEAD);
  for (const { library, child } of members) if (library === 'ours') child.send({ ms });
  const reports = await Promise.all(
    members.map(async ({ library, child }) => {
      const { stays } = await child.next<{ stays: Stay[] }>();
      return { isOurs: library === 'ours', stays };
    }),
  );
  await Promise.all(members.map(({ child }) => child.ended));

  const began = Math.min(
    ...reports.filter(({ isOurs }) => isOurs).flatMap(({ stays }) => stays.map(([asked]) => asked)),
  );
  for (const report of reports) {
    report.stays = report.stays.filter(([, entered]) => entered >= began);
  }
  const all = reports.flatMap(({ stays }) => stays).sort(([, a], [, b]) => a - b);
  const side = (isOurs: boolean): Side => {
    const stays = reports.filter((report) => report.isOurs === isOurs).flatMap((one) => one.stays);
    return {
      holds: stays.length,
      share: stays.length / all.length,
      longestWait: Math.max(0, ...stays.map(([asked, entered]) => entered - asked)),
    };
  };
  return {
    ours: side(true),
    theirs: side(false),
    overlaps: all.filter(([, entered], i) => i > 0 && entered < all[i - 1]![2]).length,
    use: all.reduce((sum, [, entered, left]) => sum + left - entered, 0) / ms,
  };
}
