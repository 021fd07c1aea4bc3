import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { LockMode } from '../stores/lock-mode.js';
import { checkKey } from './checks.js';
import { LockTicketError } from './lock.errors.js';
import { modeOf, type ModeOptions } from './mode-options.js';

/** What a ticket says: all that another process needs to go on with a lock. */
export interface Ticket {
  /** Of which store it is. */
  readonly place: string;
  readonly key: string;
  readonly mode: LockMode;
  /** The secret of the holder who left it. */
  readonly owner: string;
  readonly token: number;
  /** The last token that was used. */
  readonly lastToken: number;
}

const VERSION = 'nlt1';

/** URL-safe letters, so that it can stand in a job, a header or a query. */
export function encodeTicket({ place, key, mode, owner, token, lastToken }: Ticket): string {
  const fields = JSON.stringify([place, key, mode, owner, token, lastToken]);
  const body = Buffer.from(fields).toString('base64url');
  return `${VERSION}.${body}.${checksum(body)}`;
}

/** @throws LockTicketError when it is not whole */
export function decodeTicket(ticket: unknown): Ticket {
  if (typeof ticket !== 'string') {
    // The ticket may be inside of what was given instead.
    const received = typeof ticket === 'object' && ticket ? 'an object' : inspect(ticket);
    throw new LockTicketError('mangled', `a ticket is a string, received ${received}`);
  }
  const [version, body = '', sum, ...more] = ticket.split('.');
  const isWhole = version === VERSION && more.length === 0 && sum === checksum(body);
  const read = isWhole ? readFields(body) : undefined;
  if (read) return read;
  // What is no ticket may be another secret: of it, only the length is said.
  throw new LockTicketError(
    'mangled',
    `${ticket.length} letters were received that are not a whole ticket of lock.handOff()`,
  );
}

/** The sum keeps accidents out, and nobody who means it: nothing of it is believed unseen. */
function readFields(body: string): Ticket | undefined {
  try {
    const fields = JSON.parse(Buffer.from(body, 'base64url').toString()) as unknown[];
    const [place, key, mode, owner, token, lastToken] = fields;
    checkKey(key as string);
    const isSound =
      typeof place === 'string' &&
      typeof owner === 'string' &&
      /^[!-~]+$/.test(owner) &&
      isToken(token) &&
      isToken(lastToken);
    const { kind, limit, permits } = mode as LockMode & ModeOptions;
    const read = modeOf(kind === 'limited' ? { limit, permits } : { mode: kind });
    return isSound && read
      ? { place, key: key as string, mode: read, owner, token, lastToken }
      : undefined;
  } catch {
    return undefined;
  }
}

function isToken(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 8);
}
