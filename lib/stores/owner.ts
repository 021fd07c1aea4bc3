import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * Mints owner ids for one store in one process: `host:pid#secret.1`, `.2`, … The secret makes them
 * unguessable and unique across processes, the counter unique within; random bytes for each would
 * cost a hundred times as much.
 */
export class OwnerMint {
  /** What all owners of this mint begin with; names the process in its store. */
  readonly process: string;
  private count = 0;

  constructor() {
    this.process = `${hostname().slice(0, 64)}:${process.pid}#${randomBytes(12).toString('base64url')}`;
  }

  next(): string {
    this.count += 1;
    return `${this.process}.${this.count.toString(36)}`;
  }
}

/** `host:pid` of an owner that a mint made; undefined for a value of somebody else's. */
export function holderOf(owner: string): string | undefined {
  const secret = owner.lastIndexOf('#');
  return secret > 0 ? owner.slice(0, secret) : undefined;
}
