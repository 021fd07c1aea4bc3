import { Observable, isObservable } from 'rxjs';
import { LockUsageError } from '../lock/lock.errors.js';
import { after, type Hold } from './hold.js';
import { Turn } from './turn.js';

/** Holds locks until an Observable completes, fails or is unsubscribed from. */
export function holdObservable(
  source: Observable<unknown>,
  hold: Hold,
  where: string,
): Observable<unknown> {
  let used = false;
  return new Observable((subscriber) => {
    if (used) {
      const problem = 'its Observable was subscribed to twice; the lock was held for the first';
      subscriber.error(new LockUsageError(`${where}: ${problem}`));
      return undefined;
    }
    used = true;
    if (subscriber.closed) {
      void hold.end();
      return undefined;
    }
    const inner = hold.run(() =>
      source.subscribe({
        next: (value) => {
          subscriber.next(value);
        },
        error: (error: unknown) => {
          after(hold.end(), () => {
            subscriber.error(error);
          });
        },
        complete: () => {
          const { lost } = hold;
          after(hold.end(), () => {
            if (lost) subscriber.error(lost);
            else subscriber.complete();
          });
        },
      }),
    );
    return () => {
      inner.unsubscribe();
      void hold.end();
    };
  });
}

/**
 * The Observable of a method that is declared to return one: each subscription is a call with a
 * lock of its own, taken when it begins.
 */
export function lazyObservable(call: (turn: Turn) => Promise<unknown>): Observable<unknown> {
  return new Observable((subscriber) => {
    const turn = new Turn();
    call(turn).then(
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
      turn.giveUp('its Observable was unsubscribed from');
    };
  });
}
