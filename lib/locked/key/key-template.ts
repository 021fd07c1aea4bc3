import { LockKeyError, LockUsageError } from '../../lock/lock.errors.js';
import { foreignPlaceholder } from './foreign-placeholder.js';
import { describe, partRenderer } from './key-part.js';
import type { PartRenderer, TemplateRenderer } from './lock-key.js';

/** One `<0.id>` of a template, ready to be filled. */
interface Placeholder {
  /** As written, with its brackets. */
  readonly source: string;
  readonly index: number;
  readonly path: readonly string[];
}

/**
 * Reads a template once and gives the function that fills it. Two lists of arguments whose parts
 * read differently never give one key: see `partRenderer` for how a value knows its end.
 *
 * @throws LockUsageError for an unclosed `<`, an unreadable placeholder, two in a row, or one of another
 * notation such as `${id}` or `:id`
 */
export function compileTemplate(template: string, where: string): TemplateRenderer {
  const { literals, placeholders } = parse(template, where);
  const head = literals[0] ?? '';
  if (placeholders.length === 0) return () => head;

  const parts = placeholders.map((placeholder, i) =>
    partOf(placeholder, literals[i + 1] ?? '', template, where),
  );
  const tails = literals.slice(1).map(asTail);
  const [part, tail] = [parts[0], tails[0]];
  // By far the most common template has one placeholder: no loop for that one.
  if (parts.length === 1 && part !== undefined && tail !== undefined) {
    return (args) => head + part(args) + tail;
  }
  return (args) => {
    let key = head;
    for (const [i, fill] of parts.entries()) key += fill(args) + (tails[i] ?? '');
    return key;
  };
}

/**
 * A literal right after a value must not begin like a `%XX` of that value; written as `%%` it
 * cannot, as no hexadecimal digit follows.
 */
function asTail(literal: string): string {
  return literal.startsWith('%') ? `%${literal}` : literal;
}

function partOf(
  placeholder: Placeholder,
  literal: string,
  template: string,
  where: string,
): TemplateRenderer {
  const { source, index, path } = placeholder;
  const label = `${where}: ${source} in "${template}"`;
  const [next = ''] = literal;
  const render: PartRenderer = partRenderer(next, label);
  if (path.length === 0) return (args) => render(args[index]);
  return (args) => {
    let value = args[index];
    for (const [depth, name] of path.entries()) {
      // Own properties only: `<0.constructor.name>` would be one key for all objects of a class.
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) {
        const parent = `<${[index, ...path.slice(0, depth)].join('.')}>`;
        throw new LockKeyError(
          `${label}: ${parent} has no property "${name}" of its own, it is ${describe(value)}`,
          undefined,
          true,
        );
      }
      value = (value as Record<string, unknown>)[name];
    }
    return render(value);
  };
}

/** One literal more than placeholders: before, between and after them. */
function parse(
  template: string,
  where: string,
): { literals: string[]; placeholders: Placeholder[] } {
  const refuse = (problem: string): never => {
    throw new LockUsageError(`${where}: ${problem} in the key template "${template}"`);
  };
  if (template === '') throw new LockUsageError(`${where}: the key template is empty`);
  if (/\p{Surrogate}/u.test(template)) refuse('there is half a character (a lone surrogate)');

  const foreign = foreignPlaceholder(template);
  if (foreign !== undefined) {
    refuse(
      `${foreign} would stand in every key as it is, one lock for everybody (write <0> for the first argument, <1.id> for a property; a key function may return any text):`,
    );
  }

  const literals: string[] = [];
  const placeholders: Placeholder[] = [];
  let at = 0;
  for (;;) {
    const open = template.indexOf('<', at);
    literals.push(open < 0 ? template.slice(at) : template.slice(at, open));
    if (open < 0) return { literals, placeholders };
    const close = template.indexOf('>', open);
    const source = template.slice(open, close + 1);
    if (close < 0 || source.includes('<', 1)) refuse(`"<" at ${open} is not closed by ">"`);
    if (placeholders.length > 0 && literals.at(-1) === '') {
      refuse(`${placeholders.at(-1)?.source ?? ''} and ${source} stand side by side`);
    }
    const match = /^<(0|[1-9]\d{0,2})((?:\.[^.<>]+)*)>$/.exec(source);
    if (match === null) {
      return refuse(
        `${source} is no placeholder (write <0> for the first argument, <1.id> for a property)`,
      );
    }
    const path = (match[2] ?? '').split('.').slice(1);
    placeholders.push({ source, index: Number(match[1]), path });
    at = close + 1;
  }
}
