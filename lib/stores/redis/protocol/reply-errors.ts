import { StoreUnavailableError } from '../../lock-store.js';

/** The server is on its way up, down or over: another try is worth it. */
const PASSING = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|UNKILLABLE|NOREPLICAS)\b/;

/** In a script, Redis 7 says it without the code. */
const NO_PERMISSION = /^NOPERM\b|The user executing the script can't|ACL failure in script/;

/**
 * What an error says of an entry that was sent:
 * - `passing`: the server cannot serve now, and will
 * - `refused`: the server's answer is this error
 * - `lost`: there was no answer, and none will come
 */
export type Fault = 'passing' | 'refused' | 'lost';

export function faultOf(error: Error): Fault {
  if (!isReply(error)) return 'lost';
  return PASSING.test(error.message) ? 'passing' : 'refused';
}

/** An error that the server sent, in contrast to those that a client makes for itself. */
function isReply(error: Error): boolean {
  return error.name === 'ReplyError';
}

/** What is told where no answer came, with what the client says of it. */
export function noAnswer(error: Error): StoreUnavailableError {
  return new StoreUnavailableError(error.message, error);
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

export function isCrossSlot(error: Error): boolean {
  return error.message.startsWith('CROSSSLOT');
}

/** The server was demoted: it is a replica now. */
export function isReadOnly(error: Error): boolean {
  return error.message.startsWith('READONLY');
}

/** The user of this connection may not do that. */
export function isNoPermission(error: unknown): error is Error {
  return error instanceof Error && NO_PERMISSION.test(error.message);
}
