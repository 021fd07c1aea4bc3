import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { LockMode } from '../stores/lock-mode.js';
import { LockTicketError } from './lock.errors.js';

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
    throw new LockTicketError('mangled', `a ticket is a string, received ${inspect(ticket)}`);
  }
  const [version, body = '', sum, ...more] = ticket.split('.');
  if (version !== VERSION || more.length > 0 || sum !== checksum(body)) {
    // What is no ticket may be another secret: of it, only the length is said.
    throw new LockTicketError(
      'mangled',
      `${ticket.length} letters were received that are not a whole ticket of lock.handOff()`,
    );
  }
  const [place, key, mode, owner, token, lastToken] = JSON.parse(
    Buffer.from(body, 'base64url').toString(),
  ) as [string, string, LockMode, string, number, number];
  return { place, key, mode, owner, token, lastToken };
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 8);
}
