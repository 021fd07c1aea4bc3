import type { Entry } from './entry.js';

/** What each call says of the process that asks. */
export interface CallContext {
  /** What the owners of this process begin with. */
  readonly process: string;
  /** A token that those to come must exceed; `now` on the monotonic clock. */
  tokenFloor(now: number): number;
  /** Whether the inbox of this process is known to be counted and heard. */
  isReachable(): boolean;
}

/** The keys and arguments of one call of the script. */
export function encodeCall(entries: readonly Entry[], context: CallContext, now: number): string[] {
  const args: string[] = [];
  let words = '';
  for (const entry of entries) {
    args.push(entry.lock);
    words = words === '' ? entry.words : `${words} ${entry.words}`;
  }
  const floor = String(context.tokenFloor(now));
  args.push(context.process, floor, context.isReachable() ? '1' : '0', words);
  return args;
}
