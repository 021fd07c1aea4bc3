import { LOCK_DEFAULTS } from '../../lib/lock/lock-options.js';
import { startChild } from '../support/child.js';
import { startRedis } from '../support/redis-server.js';
import type { Read, ReaderConfig } from './children/reader.child.js';
import type { Write, WriterConfig } from './children/writer.child.js';

const PROCESSES = 2;
const READERS = 8;
const KEY = 'rates';

/**
 * How a reader may get in before a writer that came earlier: through a lease that others of its process
 * had before the writer came, within `time` ms of its grant. So many have it one after the other, and
 * first those that waited for it together.
 */
export const LOCAL_BOUND = {
  time: LOCK_DEFAULTS.handOver.time,
  places: READERS + LOCK_DEFAULTS.handOver.count,
};

/** What happened while one writer waited. */
export interface Turn {
  readonly waitedMs: number;
  /** Grants to readers from its arrival in the queue to its own. */
  readonly readersBetween: number;
  /** Of those, the leases that the store granted after its arrival. */
  readonly leasesBetween: number;
  /** Readers that certainly asked after its arrival, and were in before it. */
  readonly overtaking: readonly Overtaking[];
}

/** A reader that came after a writer and was in before it. */
export interface Overtaking {
  /** Whether the store granted its lease before the writer came. */
  readonly isThroughOldLease: boolean;
  /** How long after the first reader of its lease it asked, in ms. */
  readonly afterMs: number;
  /** How many had come in through its lease before. */
  readonly place: number;
}

/** Two processes of readers that read without pause, and one writer in a third. */
export async function readAndWrite(turns: number): Promise<{ turns: Turn[]; reads: number }> {
  const server = await startRedis();
  try {
    const readers = Array.from({ length: PROCESSES }, () => {
      const config: ReaderConfig = { url: server.url, key: KEY, readers: READERS };
      return startChild('trials/children/reader.child.ts', config);
    });
    const config: WriterConfig = { url: server.url, key: KEY, turns };
    const writer = startChild('trials/children/writer.child.ts', config);
    await Promise.all([...readers, writer].map((one) => one.next()));
    writer.send({ go: true });
    const { writes } = await writer.next<{ writes: Write[] }>();
    for (const one of readers) one.send({ stop: true });
    const told = await Promise.all(readers.map((one) => one.next<{ reads: Read[] }>()));
    await Promise.all([...readers, writer].map((one) => one.ended));
    const reads = told.flatMap((one) => one.reads);
    return { turns: writes.flatMap((write) => turnOf(write, reads)), reads: reads.length };
  } finally {
    await server.stop();
  }
}

/** Nothing is known of a turn in which the writer was not seen waiting. */
function turnOf({ asked, arrival, seen, granted, token }: Write, reads: readonly Read[]): Turn[] {
  if (arrival === undefined) return [];
  const isNew = (read: Read): boolean => read.token > arrival;
  const between = reads
    .filter((read) => read.granted < granted && read.token < token)
    .filter((read) => isNew(read) || read.granted > seen);
  const leases = new Set(between.filter(isNew).map((read) => read.token));
  const overtaking = between
    .filter((read) => read.asked > seen)
    .map((read) => {
      const together = reads
        .filter((other) => other.token === read.token)
        .sort((a, b) => a.granted - b.granted);
      return {
        isThroughOldLease: !isNew(read),
        // When it asked it was let in: that is before anything could hold it up.
        afterMs: read.asked - together[0]!.granted,
        place: together.indexOf(read),
      };
    });
  return [
    {
      waitedMs: granted - asked,
      readersBetween: between.length,
      leasesBetween: leases.size,
      overtaking,
    },
  ];
}

export function isWithinBound({ isThroughOldLease, afterMs, place }: Overtaking): boolean {
  return isThroughOldLease && afterMs < LOCAL_BOUND.time && place < LOCAL_BOUND.places;
}
