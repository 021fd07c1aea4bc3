import { Observable, isObservable } from 'rxjs';
import { LockUsageError } from '../../lock/lock.errors.js';
import { Cancellation } from './cancellation.js';
import type { Consumption } from './consumption.js';
import { endQuietly, type ResultHold } from './result-scope.js';

/** Holds locks until an Observable completes, fails or is unsubscribed from. */
export function holdObservable(
  source: Observable<unknown>,
  hold: ResultHold,
  consumption: Consumption,
  where: string,
): Observable<unknown> {
  let used = false;
  consumption.expect(() => void endQuietly(hold));
  return new Observable((subscriber) => {
    if (consumption.failure) {
      subscriber.error(consumption.failure);
      return undefined;
    }
    if (used) {
      const problem = 'its Observable was subscribed to twice; the lock was held for the first';
      subscriber.error(new LockUsageError(`${where}: ${problem}`));
      return undefined;
    }
    used = true;
    consumption.begin();
    if (subscriber.closed) {
      void endQuietly(hold);
      return undefined;
    }
    const inner = hold.run(() =>
      source.subscribe({
        next: (value) => {
          subscriber.next(value);
        },
        error: (error: unknown) => {
          afterEnd(endQuietly(hold), () => {
            subscriber.error(error);
          });
        },
        complete: () => {
          const { lost } = hold;
          afterEnd(
            hold.end(),
            () => {
              if (lost) subscriber.error(lost);
              else subscriber.complete();
            },
            (error) => {
              subscriber.error(error);
            },
          );
        },
      }),
    );
    return () => {
      inner.unsubscribe();
      void endQuietly(hold);
    };
  });
}

/**
 * The Observable of a method that is declared to return one: each subscription is a call with a
 * lock of its own, taken when it begins.
 */
export function lazyObservable(
  call: (cancellation: Cancellation) => Promise<unknown>,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const cancellation = new Cancellation();
    call(cancellation).then(
      (result) => {
        if (isObservable(result)) {
          result.subscribe(subscriber);
          return;
        }
        if (result !== undefined) subscriber.next(result);
        subscriber.complete();
      },
      (error: unknown) => {
        subscriber.error(error);
      },
    );
    return () => {
      cancellation.cancel('its Observable was unsubscribed from');
    };
  });
}

/** Goes on after `pending`, at once when nothing is pending. */
export function afterEnd(
  pending: Promise<void> | undefined,
  next: () => void,
  failed: (error: unknown) => void = next,
): void {
  if (pending) void pending.then(next, failed);
  else next();
}
