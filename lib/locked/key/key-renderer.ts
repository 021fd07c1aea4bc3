import { checkKey } from '../../lock/checks.js';
import { LockKeyError, LockUsageError, detailOf } from '../../lock/lock.errors.js';
import { describe } from './key-part.js';
import { compileTemplate } from './key-template.js';
import type { KeyRenderer } from './lock-key.js';

/**
 * Reads a key at class definition and gives the function that renders it for a call.
 *
 * @param where class and method, for error messages
 * @throws LockUsageError when the key is neither a template, nor templates, nor a function
 */
export function compileKey(key: unknown, where: string): KeyRenderer {
  if (typeof key === 'string') return compileOne(key, where);
  if (Array.isArray(key) && key.length > 0) {
    const renders = key.map((one: unknown) => {
      if (typeof one === 'string') return compileOne(one, where);
      throw new LockUsageError(`${where}: each of several keys is a string, not ${describe(one)}`);
    });
    return (args) => renders.map((render) => render(args));
  }
  if (typeof key === 'function') {
    return (args, instance) => {
      const made: unknown = Reflect.apply(key, instance, args);
      if (made === undefined) return undefined;
      if (!Array.isArray(made)) return checkMade(made, where);
      if (made.length > 0) return made.map((one: unknown) => checkMade(one, where));
      throw new LockKeyError(`${where}: the key function returned an empty array`, undefined, true);
    };
  }
  throw new LockUsageError(
    `${where}: a key is a template, an array of templates or a function, not ${describe(key)}`,
  );
}

/** What stands for all keys of a method in events and metrics: its templates, if they have a placeholder. */
export function templateOf(key: unknown): string | undefined {
  const templates = typeof key === 'string' ? key : Array.isArray(key) ? key.join(', ') : '';
  return templates.includes('<') ? templates : undefined;
}

function compileOne(template: string, where: string): (args: readonly unknown[]) => string {
  const render = compileTemplate(template, where);
  if (template.includes('<')) return (args) => checkRendered(render(args), where);
  // Without a placeholder it is the key itself, and the program's own affair.
  try {
    checkKey(template);
  } catch (error) {
    throw new LockUsageError(`${where}: ${detailOf(error)}`, template);
  }
  return render;
}

function checkMade(key: unknown, where: string): string {
  if (typeof key === 'string' && key !== '') return checkRendered(key, where);
  throw new LockKeyError(
    `${where}: the key function must return a non-empty string, an array of them, or undefined for no lock, it returned ${describe(key)}`,
    undefined,
    true,
  );
}

/** A key that the arguments of a call gave: a bad one is a bad request. */
function checkRendered(key: string, where: string): string {
  try {
    checkKey(key);
    return key;
  } catch (error) {
    throw new LockKeyError(`${where}: ${detailOf(error)}`, key, true);
  }
}
