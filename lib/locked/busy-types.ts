import type { Observable } from 'rxjs';

/** Where there may be any number of values, there may be none. */
type Ongoing = Observable<unknown> | AsyncIterable<unknown>;

/** What a `whenBusy` function is said to return where there is none: one that throws returns `never`. */
export interface NoFunction {
  readonly none: unique symbol;
}

/**
 * What is wrong with `whenBusy` for a method that returns `R`, in words; `unknown` when nothing is.
 * @typeParam S `'skip'` where that was said, and, for want of anything better to infer, beside a function
 * @typeParam W what the function returns
 */
export type BusyProblem<S, W, R> = R extends Ongoing
  ? unknown
  : Is<W, NoFunction> extends false
    ? Holds<R, W> extends true
      ? unknown
      : 'whenBusy does not return what this method returns'
    : [S] extends [never]
      ? unknown
      : Holds<R, undefined> extends true
        ? unknown
        : "whenBusy: 'skip' gives undefined, which this method does not return: add it to the type of its result";

/** Whether `W` is `T`: neither `never` nor `any`. */
type Is<W, T> = [W] extends [never]
  ? false
  : [unknown] extends [W]
    ? false
    : [W] extends [T]
      ? true
      : false;

/** Whether `W` will do where a promise of `R` is expected; where nothing is, anything will. */
type Holds<R, W> = [Awaited<W>] extends [Awaited<R>]
  ? true
  : // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- what such a method is declared to return
    [void] extends [Awaited<R>]
    ? true
    : false;
