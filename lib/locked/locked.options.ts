import { inspect } from 'node:util';
import { askedBy, callerOf } from '../lock/caller.js';
import { SCOPE_OPTIONS, checkAcquireOptions, type ScopeOptions } from '../lock/lock-options.js';
import { LockUsageError, type LockBusyError } from '../lock/lock.errors.js';
import { MODE_OPTIONS } from '../lock/mode-options.js';
import { checkRegistration } from './service-token.js';

/** What is done instead of a call that did not get its lock; what it returns is the call's result. */
export type BusyFunction<P extends readonly unknown[] = never, W = unknown> = (
  error: LockBusyError,
  ...args: P
) => W;

/**
 * What `@Locked` may be told; the rest comes from the module's options.
 * @typeParam P the arguments that the `whenBusy` function expects, `W` what it returns
 */
export interface LockedOptions<
  P extends readonly unknown[] = never,
  W = unknown,
  S extends 'skip' = 'skip',
> extends Omit<ScopeOptions, 'signal'> {
  /**
   * The name of the registration whose service locks: `forRoot({ name })`.
   * @default the one without a name
   */
  service?: string | undefined;
  /**
   * What to do when the lock was not to be had in `waitTime`: reject with the `LockBusyError`,
   * leave the call out (a promise of `undefined`, an empty Observable or iterable; a client of HTTP is
   * answered with 204, or what `httpStatus.skipped` says), or give what a
   * function makes of the error and the arguments. A deadlock and a full queue are busy too; the
   * error's `reason` says which it was. Concerns this method's own lock only, never a `LockBusyError`
   * from inside the method.
   * @default 'throw'
   */
  whenBusy?: 'throw' | S | BusyFunction<P, W> | undefined;
}

/** The options of one decorated method, checked. */
export interface LockedSettings {
  /** They say who asks. */
  readonly acquire: ScopeOptions;
  /** The name of the registration; undefined for the one without. */
  readonly service: string | undefined;
  /** What to do instead of throwing. */
  readonly whenBusy: 'skip' | ((...args: unknown[]) => unknown) | undefined;
}

/** The wait of a locked method is called off by its caller's going away, not by a signal. */
const KNOWN = [...SCOPE_OPTIONS.filter((name) => name !== 'signal'), 'service', 'whenBusy'];

/**
 * Checks the options of a decorated method at class definition.
 *
 * @param template the template of its key, where it is one with placeholders
 * @throws LockUsageError that names the option, what it was and what is allowed
 */
export function checkLockedOptions(
  options: unknown,
  where: string,
  template?: string,
): LockedSettings {
  const refuse = (problem: string): never => {
    throw new LockUsageError(`${where}: ${problem}`);
  };
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return refuse(`the options of @Locked are an object, received ${inspect(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!KNOWN.includes(name)) {
      refuse(`unknown option "${name}" (${inspect(value)}); known are ${KNOWN.join(', ')}`);
    }
  }
  const { whenBusy = 'throw', service, ...acquire } = options as Record<string, unknown>;
  try {
    checkRegistration(service);
    checkAcquireOptions(acquire);
  } catch (error) {
    refuse((error as Error).message);
  }
  if (whenBusy !== 'throw' && whenBusy !== 'skip' && typeof whenBusy !== 'function') {
    return refuse(`whenBusy must be 'throw', 'skip' or a function, received ${inspect(whenBusy)}`);
  }
  return {
    acquire: askedBy(acquire, { method: where, template }),
    service: service as string | undefined,
    whenBusy: whenBusy === 'throw' ? undefined : (whenBusy as LockedSettings['whenBusy']),
  };
}

/**
 * What holds for a method whose class has defaults.
 * @throws LockUsageError where the two do not go together
 */
export function withDefaults(
  own: LockedSettings,
  defaults: LockedSettings,
  where: string,
): LockedSettings {
  const { service = defaults.service, whenBusy } = own;
  const said = Object.entries(own.acquire).filter(([, value]) => value !== undefined);
  const modes: readonly string[] = MODE_OPTIONS;
  // The three say one thing together.
  const hasMode = said.some(([name]) => modes.includes(name));
  const taken = Object.entries(defaults.acquire).filter(
    ([name]) => !(hasMode && modes.includes(name)),
  );
  const options: ScopeOptions = Object.fromEntries([...taken, ...said]);
  try {
    checkAcquireOptions(options);
  } catch (error) {
    throw new LockUsageError(
      `${where}, with @LockDefaults of its class: ${(error as Error).message}`,
    );
  }
  return { acquire: askedBy(options, callerOf(own.acquire)), service, whenBusy };
}
