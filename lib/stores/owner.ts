import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Longer names of hosts are cut: they are only for people. */
const LONGEST_HOST = 64;

/**
 * Mints owner ids for one store in one process: `host:pid#secret.1`, `.2`, … The secret makes them
 * unguessable and unique across processes, the counter unique within; random bytes for each would
 * cost a hundred times as much.
 */
export class OwnerMint {
  /** What people are told of the holders of this process: `host:pid`. */
  readonly holder: string;
  /** What all owners of this mint begin with; names the process in its store. */
  readonly process: string;
  private count = 0;

  constructor() {
    // Stores put owners into texts of their own, where spaces and line ends part the fields.
    const host = hostname()
      .slice(0, LONGEST_HOST)
      .replace(/[^!-~]/g, '_');
    this.holder = `${host}:${process.pid}`;
    this.process = `${this.holder}#${randomBytes(12).toString('base64url')}`;
  }

  next(): string {
    return `${this.process}.${this.nextId()}`;
  }

  /** What follows the process in the next owner, without letters that part it from others. */
  nextId(): string {
    this.count += 1;
    return this.count.toString(36);
  }
}

/** `host:pid` of an owner that a mint made; undefined for a value of somebody else's. */
export function holderOf(owner: string): string | undefined {
  const secret = owner.lastIndexOf('#');
  return secret > 0 ? owner.slice(0, secret) : undefined;
}
