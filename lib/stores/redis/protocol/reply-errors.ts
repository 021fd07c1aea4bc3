/** The server is on its way up, down or over: another try is worth it. */
const PASSING = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|UNKILLABLE|NOREPLICAS)\b/;

/** In a script, Redis 7 says it without the code. */
const NO_PERMISSION = /^NOPERM\b|The user executing the script can't|ACL failure in script/;

/** The connection is not let in; with the next password, or on the next server, it may be. */
const NOT_LET_IN = /^(NOAUTH|WRONGPASS)\b/;

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

/** Whether asking the same again can help: the server may be another one by then. */
export function isPassing(error: Error): boolean {
  return faultOf(error) !== 'refused' || isReadOnly(error) || NOT_LET_IN.test(error.message);
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
