import { LockKeyError } from '../../lock/lock.errors.js';
import type { PartRenderer } from './lock-key.js';

/** Percent sign and braces, and all surrogates: those need a second look. */
const ALWAYS = '%{}\\uD800-\\uDFFF';

/** What a careless `toString` gives: one such key would be one lock for everybody. */
const MEANINGLESS = /^(?:undefined|null|nan|[+-]?infinity|invalid date.*|\[object .*\])$/i;

/**
 * A renderer for a placeholder that `next` follows, the first character of the literal after it
 * (empty at the end of the template). Whatever the value is, `next` does not occur in its text but
 * as part of a `%XX`: that is where a reader of the key knows the value to end.
 */
export function partRenderer(next: string, placeholder: string): PartRenderer {
  const special = new RegExp(`[${ALWAYS}${next === '' ? '' : escapeInClass(next)}]`);
  return (value) => {
    const text = typeof value === 'string' && value !== '' ? value : textOf(value, placeholder);
    return special.test(text) ? encode(text, next) : text;
  };
}

function textOf(value: unknown, placeholder: string): string {
  if (Number.isFinite(value) || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value);
  }
  const text = typeof value === 'object' && value !== null ? textOfObject(value) : undefined;
  if (text !== undefined) return text;
  throw new LockKeyError(
    `${placeholder} must be a non-empty string, a finite number, a bigint, a boolean or a value with a toString of its own, received ${describe(value)}`,
    undefined,
    true,
  );
}

/** Undefined when the object says nothing of itself. */
function textOfObject(value: object): string | undefined {
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  }
  // Bytes as text lose what is not UTF-8: two values could become one key.
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return undefined;
  const own: unknown = Reflect.get(value, 'toString');
  if (typeof own !== 'function' || own === Object.prototype.toString) return undefined;
  const text: unknown = Reflect.apply(own, value, []);
  return typeof text === 'string' && text !== '' && !MEANINGLESS.test(text) ? text : undefined;
}

/** What a value is, for an error message: kinds, not contents. */
export function describe(value: unknown): string {
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date && Number.isNaN(value.getTime())) return 'an invalid Date';
  if (typeof value === 'object' && value !== null) return describeObject(value);
  if (typeof value === 'string' || typeof value === 'function' || typeof value === 'symbol') {
    return `a ${typeof value}`;
  }
  return String(value);
}

function describeObject(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
  if (prototype === null || prototype === Object.prototype) return 'a plain object';
  const made = prototype.constructor;
  return typeof made === 'function' && made.name !== ''
    ? `an instance of ${made.name}`
    : 'an object of an unnamed class';
}

function encode(text: string, next: string): string {
  let encoded = '';
  for (const char of text) {
    const mustGo =
      char === '%' || char === '{' || char === '}' || char === next || isLoneSurrogate(char);
    encoded += mustGo ? percent(char) : char;
  }
  return encoded;
}

/** Half a character has no UTF-8: a store would see every one of them as the same U+FFFD. */
function isLoneSurrogate(char: string): boolean {
  const code = char.charCodeAt(0);
  return char.length === 1 && code >= 0xd800 && code <= 0xdfff;
}

function percent(char: string): string {
  const code = char.charCodeAt(0);
  // A lone surrogate gets the three bytes it would have if it were a character.
  const bytes = isLoneSurrogate(char)
    ? [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
    : [...Buffer.from(char)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function escapeInClass(char: string): string {
  return char.replace(/[\\\]^-]/, '\\$&');
}
