import { MAX_KEY_BYTES } from '../lock/lock-options.js';
import { LockUsageError } from '../lock/lock.errors.js';
import { argumentError } from './argument-error.js';
import { describe } from './key-part.js';
import { compileTemplate } from './key-template.js';

/** Makes a key, or several, of the arguments of a call. */
export type KeyFunction<A extends readonly unknown[] = readonly unknown[]> = (
  ...args: A
) => string | readonly string[];

/**
 * What `@Locked` locks: a template, several templates, or a function of the method's arguments.
 *
 * In a template `<0>` stands for the first argument, `<1.id>` for a property of the second,
 * `<0.lines.0.sku>` for one deep inside: own properties and indexes only. A value must be a
 * non-empty string, a finite number, a bigint, a boolean, or an object whose class has a `toString`
 * that says something (an ObjectId, a UUID, a Date as ISO); anything else is refused with
 * `LockKeyError`.
 *
 * Values that read differently give different keys: inside a value `%`, `{`, `}` and the
 * character that follows the placeholder are percent-encoded, and no more than that. `1`, `1n` and
 * `'1'` read alike and are one key. A `%` directly after a placeholder is doubled.
 *
 * The key a function returns is taken as it is.
 */
export type LockKey<A extends readonly unknown[] = readonly unknown[]> =
  string | readonly string[] | KeyFunction<A>;

/** Gives the key or keys of one call. */
export type KeyRenderer = (
  args: readonly unknown[],
  instance: unknown,
) => string | readonly string[];

/**
 * Reads a key at class definition and gives the function that renders it for a call.
 *
 * @param where class and method, for error messages
 * @throws LockUsageError when the key is neither a template, nor templates, nor a function
 */
export function compileKey(key: unknown, where: string): KeyRenderer {
  if (typeof key === 'string') {
    const render = compileTemplate(key, where);
    if (!key.includes('<')) {
      const problem = lengthProblem(key, where);
      if (problem !== undefined) throw new LockUsageError(problem, key);
      return render;
    }
    return (args) => checkLength(render(args), where);
  }
  if (Array.isArray(key) && key.length > 0) {
    const renders = key.map((one: unknown) => {
      if (typeof one === 'string') return compileKey(one, where);
      throw new LockUsageError(`${where}: each of several keys is a string, not ${describe(one)}`);
    });
    // A template gives one string; the flattening only tells the compiler so.
    return (args, instance) => renders.flatMap((render) => render(args, instance));
  }
  if (typeof key === 'function') {
    return (args, instance) => {
      const made: unknown = Reflect.apply(key, instance, args);
      if (!Array.isArray(made)) return checkMade(made, where);
      if (made.length > 0) return made.map((one: unknown) => checkMade(one, where));
      throw argumentError(`${where}: the key function returned an empty array`);
    };
  }
  throw new LockUsageError(
    `${where}: a key is a template, an array of templates or a function, not ${describe(key)}`,
  );
}

function checkMade(key: unknown, where: string): string {
  if (typeof key === 'string' && key !== '') return checkLength(key, where);
  throw argumentError(
    `${where}: the key function must return a non-empty string or an array of them, it returned ${describe(key)}`,
  );
}

function checkLength(key: string, where: string): string {
  const problem = lengthProblem(key, where);
  if (problem !== undefined) throw argumentError(problem, key);
  return key;
}

function lengthProblem(key: string, where: string): string | undefined {
  // A UTF-16 unit takes at most three bytes: most keys need not be measured.
  if (key.length * 3 <= MAX_KEY_BYTES || Buffer.byteLength(key) <= MAX_KEY_BYTES) return undefined;
  return `${where}: a key may have ${MAX_KEY_BYTES} bytes, this one has ${Buffer.byteLength(key)}: "${key.slice(0, 40)}…"`;
}
