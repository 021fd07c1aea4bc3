import { StreamableFile } from '@nestjs/common';
import { isObservable, type Observable } from 'rxjs';
import { Consumption } from './consumption.js';
import { holdIterable, isAsyncIterable } from './iterable-result.js';
import { holdObservable } from './observable-result.js';
import type { ResultHold } from './result-scope.js';

/** A result that goes on after its method has returned it. */
export type OngoingResult = Observable<unknown> | AsyncIterable<unknown> | StreamableFile;

/** Whether a method's result goes on after it was returned. */
export function isOngoing(result: unknown): result is OngoingResult {
  return (
    typeof result === 'object' &&
    result !== null &&
    (isObservable(result) || isAsyncIterable(result) || result instanceof StreamableFile)
  );
}

/**
 * Holds locks until a result has ended.
 * @param key what is locked, for the error of a result that nobody consumed
 * @param where class and method, for messages
 */
export function holdResult(
  result: OngoingResult,
  hold: ResultHold,
  key: string,
  where: string,
): OngoingResult {
  const consumption = new Consumption(key, where);
  if (result instanceof StreamableFile) {
    // Nest sends what the file reads from.
    holdIterable(result.getStream(), hold, consumption);
    return result;
  }
  return isObservable(result)
    ? holdObservable(result, hold, consumption, where)
    : holdIterable(result, hold, consumption);
}
