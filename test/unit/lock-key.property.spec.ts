import fc from 'fast-check';
import { foreignPlaceholder } from '../../lib/locked/key/foreign-placeholder.js';
import { compileTemplate } from '../../lib/locked/key/key-template.js';

/**
 * Few letters, chosen to collide: what separates, what escapes, what an escape is made of, and
 * what Redis or UTF-8 treats in its own way.
 */
const LETTERS = [
  ...['a', ':', '.', '-', '/', '|', '%', '%%', '%3A', '%25', '2', '5', '3', 'A', '{', '}', '{}'],
  ...['<', '>', '^', ']', '\\', '\n', '\u0000', ' ', 'é', 'e\u0301', '😀', '😁', '\u{1F1E9}'],
  ...['\ud83d', '\ude00', '\uffff', '\ufffd'],
];
const text = (least: number) =>
  fc
    .array(fc.constantFrom(...LETTERS), { minLength: least, maxLength: 6 })
    .map((letters) => letters.join(''));
const wellFormed = text(0).map((value) => value.replace(/\p{Surrogate}|[<>]/gu, ''));
const between = wellFormed.filter((value) => value !== '');
const part = fc.oneof(
  { weight: 6, arbitrary: text(1) },
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt(),
  fc.boolean(),
);

/** A template of several placeholders, and two lists of arguments for it. */
const cases = fc
  .integer({ min: 1, max: 4 })
  .chain((count) =>
    fc.record({
      literals: fc
        .tuple(
          wellFormed,
          fc.array(between, { minLength: count - 1, maxLength: count - 1 }),
          wellFormed,
        )
        .map(([head, middle, tail]) => [head, ...middle, tail]),
      one: fc.array(part, { minLength: count, maxLength: count }),
      other: fc.array(part, { minLength: count, maxLength: count }),
    }),
  )
  .filter(({ literals }) => foreignPlaceholder(templateOf(literals)) === undefined);

function templateOf(literals: readonly string[]): string {
  return literals.map((literal, i) => (i === 0 ? literal : `<${i - 1}>${literal}`)).join('');
}
const readAs = (args: readonly unknown[]) => args.map(String);
/** What Redis stores: two keys that differ as strings must differ as bytes too. */
const asBytes = (key: string) => Buffer.from(key).toString('hex');

describe('key templates', () => {
  it('never give one key for two different lists of arguments', () => {
    fc.assert(
      fc.property(cases, ({ literals, one, other }) => {
        const render = compileTemplate(templateOf(literals), 'Test.method');
        const same = JSON.stringify(readAs(one)) === JSON.stringify(readAs(other));
        expect(asBytes(render(one)) === asBytes(render(other))).toBe(same);
      }),
      { numRuns: 20_000 },
    );
  });

  it('never give one key for one text cut in two ways', () => {
    const cuts = fc
      .tuple(fc.array(text(1), { minLength: 3, maxLength: 5 }), between, between)
      .chain(([words, end, literal]) =>
        fc.record({
          literal: fc.constant(literal),
          words: fc.constant(words),
          end: fc.constant(end),
          one: fc.integer({ min: 1, max: words.length - 1 }),
          other: fc.integer({ min: 1, max: words.length - 1 }),
        }),
      )
      .filter(
        ({ literal, end }) => foreignPlaceholder(templateOf(['', literal, end])) === undefined,
      );
    fc.assert(
      fc.property(cuts, ({ words, literal, end, one, other }) => {
        const render = compileTemplate(templateOf(['', literal, end]), 'Test.method');
        const cut = (at: number) => [
          words.slice(0, at).join(literal),
          words.slice(at).join(literal),
        ];
        const same = JSON.stringify(cut(one)) === JSON.stringify(cut(other));
        expect(asBytes(render(cut(one))) === asBytes(render(cut(other)))).toBe(same);
      }),
      { numRuns: 20_000 },
    );
  });

  it('can be read back: the parts are all in the key', () => {
    fc.assert(
      fc.property(cases, ({ literals, one }) => {
        const key = compileTemplate(templateOf(literals), 'Test.method')(one);
        expect(readBack(key, literals)).toEqual(readAs(one).map(asWtf8));
      }),
      { numRuns: 20_000 },
    );
  });

  it('keep braces out of the parts, and leave common values as they are', () => {
    fc.assert(
      fc.property(text(1), (value) => {
        const key = compileTemplate('order:<0>', 'Test.method')([value]);
        expect(key.slice('order:'.length)).not.toMatch(/[{}]/);
        if (!/[%{}\ud800-\udfff]/.test(value)) expect(key).toBe(`order:${value}`);
      }),
      { numRuns: 10_000 },
    );
  });
});

/** The reader that the renderer promises to serve: written from the promise, not from the code. */
function readBack(key: string, literals: readonly string[]): string[] {
  const parts: string[] = [];
  let rest = key.slice(literals[0]?.length);
  for (const literal of literals.slice(1)) {
    const [end] = literal;
    let bytes = '';
    for (;;) {
      const [char] = rest;
      if (char === undefined) break;
      const code = /^%([0-9A-F]{2})/.exec(rest)?.[1];
      if (code === undefined && char === end) break;
      bytes += code === undefined ? asBytes(char) : code.toLowerCase();
      rest = rest.slice(code === undefined ? char.length : 3);
    }
    parts.push(bytes);
    rest = rest.slice(literal.startsWith('%') ? literal.length + 1 : literal.length);
  }
  expect(rest).toBe('');
  return parts;
}

/** UTF-8 that also has three bytes for half a character. */
function asWtf8(value: string): string {
  return Array.from(value, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0xd800 || code > 0xdfff) return asBytes(char);
    return Buffer.from([
      0xe0 | (code >> 12),
      0x80 | ((code >> 6) & 63),
      0x80 | (code & 63),
    ]).toString('hex');
  }).join('');
}
