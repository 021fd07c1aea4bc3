import type { Observable } from 'rxjs';
import type { ParametersProblem } from './key/key-types.js';

/** Where there may be any number of values, there may be none. */
type Ongoing = Observable<unknown> | AsyncIterable<unknown>;

/** What a `whenBusy` function is said to return where there is none: one that throws returns `never`. */
export interface NoFunction {
  readonly none: unique symbol;
}

/**
 * What `whenBusy` asks of a method: nothing (`'throw'`), that its result may be undefined (`'skip'`), or that it
 * has the arguments and the result of a function.
 * @typeParam S `'skip'` where that was said, and, for want of anything better to infer, beside a function
 * @typeParam P what the function takes, `W` what it returns
 */
export type BusyAsk<S, P extends readonly unknown[], W> =
  Is<W, NoFunction> extends true ? ([S] extends [never] ? 'throw' : 'skip') : FunctionAsk<P, W>;

interface FunctionAsk<P extends readonly unknown[], W> {
  readonly takes: P;
  readonly returns: W;
}

/** What is wrong with `whenBusy` for a method with parameters `A` that returns `R`, in words; `unknown` when nothing is. */
export type BusyProblem<B, A extends readonly unknown[], R> = B extends 'throw'
  ? unknown
  : B extends FunctionAsk<infer P, infer W>
    ? ParametersProblem<P, A, 'whenBusy'> &
        (Holds<R, W> extends true ? unknown : 'whenBusy does not return what this method returns')
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

/** Whether `W` will do where a promise of `R` is expected; where nothing is, and where any number is, anything will. */
type Holds<R, W> = [Awaited<W>] extends [Awaited<R>]
  ? true
  : // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- what such a method is declared to return
    [void] extends [Awaited<R>]
    ? true
    : R extends Ongoing
      ? true
      : false;
