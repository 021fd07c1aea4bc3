import { inspect } from 'node:util';
import { isSameMode, describeMode, type LockMode } from '../stores/lock-mode.js';
import { checkKey, checkOptionNames } from './checks.js';
import { LockUsageError, quoted } from './lock.errors.js';
import { MODE_OPTIONS, modeOf, type ModeOptions } from './mode-options.js';

/** A key and how it is to be held. */
export interface KeyInMode extends ModeOptions {
  readonly key: string;
}

/**
 * Several keys: a list, in which each may say how it is to be held, or an object with the mode of each.
 *
 * @example
 * ```ts
 * ['account:1', 'account:2']
 * { 'account:1': 'exclusive', rates: 'shared' }
 * ['account:1', { key: 'slots', limit: 5 }]
 * ```
 */
export type LockKeys =
  readonly (string | KeyInMode)[] | Readonly<Record<string, 'exclusive' | 'shared'>>;

/** The names in `KeyInMode`. */
const KEY_OPTIONS: readonly string[] = ['key', ...MODE_OPTIONS];

/** A key of a list, read. */
export interface KeyRequest {
  readonly key: string;
  readonly mode: LockMode;
}

/**
 * Reads a list of keys: sorted, each once.
 * @param fallback the mode of those that say nothing of theirs
 * @throws LockUsageError for an empty list, and for a key in two modes; LockKeyError for a bad key
 */
export function readKeys(keys: LockKeys, fallback: LockMode): KeyRequest[] {
  if (typeof keys !== 'object' || (keys as unknown) === null) {
    throw new LockUsageError(
      `keys are a list, or an object with the mode of each, received ${inspect(keys)}`,
    );
  }
  const found = new Map<string, LockMode>();
  for (const { key, mode } of entriesOf(keys, fallback)) {
    checkKey(key);
    const other = found.get(key);
    if (other && !isSameMode(other, mode)) {
      throw new LockUsageError(
        `${quoted(key)} stands in the list twice, as ${describeMode(other)} and as ${describeMode(mode)}: name it once`,
        key,
      );
    }
    found.set(key, mode);
  }
  if (found.size === 0) {
    throw new LockUsageError(`no key was given: name at least one, received ${inspect(keys)}`);
  }
  return [...found.keys()].sort().map((key) => ({ key, mode: found.get(key) as LockMode }));
}

function entriesOf(keys: LockKeys, fallback: LockMode): KeyRequest[] {
  if (!isList(keys)) {
    return Object.entries(keys).map(([key, mode]) => ({ key, mode: modeOf({ mode }) ?? fallback }));
  }
  return keys.map((one) => {
    if (typeof one !== 'object' || (one as unknown) === null)
      return { key: one as string, mode: fallback };
    checkKey(one.key);
    checkOptionNames(one, KEY_OPTIONS, one.key);
    return { key: one.key, mode: modeOf(one) ?? fallback };
  });
}

function isList(keys: LockKeys): keys is readonly (string | KeyInMode)[] {
  return Array.isArray(keys);
}
