/** The method that asks for a lock by `@Locked`. */
export interface Caller {
  /** Class and method, `Orders.pay`. */
  readonly method: string;
  /** The template of its key; undefined where it has no placeholder, or is a function. */
  readonly template: string | undefined;
}

const CALLER: unique symbol = Symbol('nest-locked:caller');

/**
 * Has the options of an acquisition say who asks: hidden, so that a test that puts a service of its own in the
 * place of ours finds in them what the decorator was given, and nothing else.
 */
export function askedBy<O extends object>(options: O, caller: Caller | undefined): O {
  return Object.defineProperty(options, CALLER, { value: caller });
}

/** Who asks, if the options say so. */
export function callerOf(options: object | undefined): Caller | undefined {
  return options && (options as { readonly [CALLER]?: Caller })[CALLER];
}
