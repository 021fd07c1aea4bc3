import { inspect } from 'node:util';
import { LockUsageError } from '../lock/lock.errors.js';

/** Refuses what is no object, or has a name that is not known. */
export function checkNames(what: string, options: unknown, known: readonly string[]): object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return refuse(what === 'option' ? 'the options' : what, options, 'an object');
  }
  for (const [name, value] of Object.entries(options)) {
    if (known.includes(name)) continue;
    const isExtra = name === 'isGlobal' || name === 'name';
    const hint = isExtra ? '; in forRootAsync it stands beside useFactory' : '';
    // `url` or `password` is a likely one, and its value is not to be printed.
    const shown = typeof value === 'string' ? 'a string' : inspect(value, { depth: -1 });
    throw new LockUsageError(
      `unknown ${what} "${name}" (${shown}); known are ${known.join(', ')}${hint}`,
    );
  }
  return options;
}

/** By its shape: a store may come from another copy of this package. */
export function checkStore(store: unknown): void {
  const parts = 'acquire extend release succeed inspect list forceRelease close onRecovery'.split(
    ' ',
  );
  const fits =
    typeof store === 'object' &&
    store !== null &&
    parts.every((name) => typeof Reflect.get(store, name) === 'function');
  if (!fits) refuse('store', store, 'a LockStore, such as new MemoryStore()');
}

/** @throws LockUsageError that names the option, what it was and what is allowed */
export function refuse(name: string, value: unknown, allowed: string): never {
  throw new LockUsageError(`${name} must be ${allowed}, received ${inspect(value, { depth: -1 })}`);
}
