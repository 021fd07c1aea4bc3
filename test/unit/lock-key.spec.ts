import { LockKeyError, LockUsageError, detailOf } from '../../lib/lock/lock.errors.js';
import { compileKey } from '../../lib/locked/key/key-renderer.js';

class ObjectId {
  constructor(private readonly hex: string) {}
  toString(): string {
    return this.hex;
  }
}
class Plain {
  constructor(readonly id: number) {}
  get doubled(): number {
    return this.id * 2;
  }
}

const bare = () => Object.create(null) as object;
const render = (key: unknown, ...args: unknown[]) => compileKey(key, 'Stock.take')(args, undefined);
const refusal = (run: () => unknown): unknown => {
  try {
    return { returned: run() };
  } catch (error) {
    return error;
  }
};

describe('lock keys', () => {
  it('render arguments, properties and indexes', () => {
    expect(render('reports:hourly')).toBe('reports:hourly');
    expect(render('order:<0>', 42)).toBe('order:42');
    expect(render('<1.id>', 'x', { id: 7 })).toBe('7');
    expect(render('stock:<0.lines.1.sku>!', { lines: [{}, { sku: 'a-1' }] })).toBe('stock:a-1!');
    expect(render('<0>:<1>/<2>', 'a', true, 12n)).toBe('a:true/12');
    expect(render('<0>-<0>', 'a-b')).toBe('a%2Db-a-b');
    expect(render('o:<0>', new ObjectId('5f0a'))).toBe('o:5f0a');
    expect(render('o:<0>', new Date(0))).toBe('o:1970-01-01T00:00:00.000Z');
    expect(render('o:<0.at.id>', { at: Object.assign(bare(), { id: 1 }) })).toBe('o:1');
  });

  it("give ('a:b','c') and ('a','b:c') two keys", () => {
    expect(render('<0>:<1>', 'a:b', 'c')).toBe('a%3Ab:c');
    expect(render('<0>:<1>', 'a', 'b:c')).toBe('a:b:c');
    expect(render('<0>%<1>', 'a', '25b%c')).not.toBe(render('<0>%<1>', 'a%b', 'c'));
    expect(render('<0>%<1>', 'a', 'b')).toBe('a%%b');
    expect(render('<0>{', '{x}')).toBe('%7Bx%7D{');
    expect(render('<0>😀<1>', 'a😀😁', '😀')).toBe('a%F0%9F%98%80😁😀😀');
  });

  it.each([
    ['nothing', [], 'undefined'],
    ['undefined', [undefined], 'undefined'],
    ['null', [null], 'null'],
    ['NaN', [Number.NaN], 'NaN'],
    ['Infinity', [-Infinity], '-Infinity'],
    ["''", [''], 'an empty string'],
    ['a plain object', [{ id: 1 }], 'a plain object'],
    ['an object without a prototype', [bare()], 'a plain object'],
    ['an instance without toString', [new Plain(1)], 'an instance of Plain'],
    ['a promise', [Promise.resolve(1)], 'an instance of Promise'],
    ['an array', [[1, 2]], 'an array'],
    ['bytes', [Buffer.from('ab')], 'an instance of Buffer'],
    ['a function', [() => 'x'], 'a function'],
    ['a symbol', [Symbol('x')], 'a symbol'],
    ['an invalid Date', [new Date(Number.NaN)], 'an invalid Date'],
    ['a toString that says NaN', [new ObjectId('NaN')], 'an instance of ObjectId'],
    ['a toString that says nothing', [new ObjectId('')], 'an instance of ObjectId'],
    ['an [object …]', [new ObjectId('[object Thing]')], 'an instance of ObjectId'],
  ])('refuse %s by name', (_, args, received) => {
    const error = refusal(() => render('order:<0>', ...args));
    expect(error).toBeInstanceOf(LockKeyError);
    expect((error as LockKeyError).fromArguments).toBe(true);
    expect(detailOf(error)).toMatch(/^Stock\.take: <0> in "order:<0>" must be /);
    expect(detailOf(error)).toMatch(new RegExp(`received ${received}$`));
  });

  it.each([
    ['a missing property', { other: 1 }],
    ['a missing nested property', { a: {} }],
    ['a property of a string', { a: 'bb' }],
    ['a property of null', { a: null }],
    ['an inherited property', Object.create({ a: { b: 1 } }) as object],
    ['undefined', undefined],
  ])('refuse a path that does not exist: %s', (_, arg) => {
    const error = refusal(() => render('o:<0.a.b>', arg));
    expect(error).toBeInstanceOf(LockKeyError);
    expect(detailOf(error)).toMatch(
      /^Stock\.take: <0\.a\.b> in "o:<0\.a\.b>": <0(\.a)?> has no property "[ab]" of its own, it is /,
    );
  });

  it.each([
    '<0.constructor.name>',
    '<0.__proto__.constructor>',
    '<0.toString>',
    '<0.doubled>',
    '<0.length>',
  ])('read no prototype, function or inherited getter: %s', (template) => {
    expect(refusal(() => render(template, new Plain(1)))).toBeInstanceOf(LockKeyError);
    expect(refusal(() => render(template, 'text'))).toBeInstanceOf(LockKeyError);
    expect(refusal(() => render(template, () => 1))).toBeInstanceOf(LockKeyError);
  });

  it.each([
    ['order:${id}', '${id}'],
    ['order:${', '${'],
    ['order:#{#id}', '#{#id}'],
    ['order:{id}', '{id}'],
    ['order:{{order.id}}', '{{order.id}}'],
    ['order:{0}', '{0}'],
    ['orders/:orderId/pay', ':orderId'],
    ['order::name', ':name'],
    ['order:id', ':id'],
    ['order:orderId', ':orderId'],
    ['<0>:{id}', '{id}'],
  ])('refuse %s, which would be one lock for everybody', (template, placeholder) => {
    const error = refusal(() => compileKey(template, 'Stock.take')) as Error;
    expect(error).toBeInstanceOf(LockUsageError);
    expect(error.message).toContain(`Stock.take: ${placeholder} would stand in every key as it is`);
    expect(error.message).toContain(JSON.stringify(template));
  });

  it.each([
    'reports:hourly',
    'a:b:c',
    '{<0>}:x',
    '<0>:lines',
    'paid:<0>',
    '10:30',
    'C#',
    'width:void',
    '$5',
  ])('leave %s as it is', (template) => {
    expect(render(template, 1)).toBe(template.replace('<0>', '1'));
  });

  it('are left out by a key function that gives undefined, and by nothing else', () => {
    expect(render(() => undefined)).toBeUndefined();
    for (const made of [null, '', 0, false, [undefined]]) {
      expect(refusal(() => render(() => made))).toBeInstanceOf(LockKeyError);
    }
  });

  it.each([
    ['', 'the key template is empty'],
    ['order:<0', '"<" at 6 is not closed'],
    ['order:<0<1>', '"<" at 6 is not closed'],
    ['<', '"<" at 0 is not closed'],
    ['<0><1>', '<0> and <1> stand side by side'],
    ['a<0>:<1><2.b>', '<1> and <2.b> stand side by side'],
    ['<>', '<> is no placeholder'],
    ['<id>', '<id> is no placeholder'],
    ['<-1>', '<-1> is no placeholder'],
    ['<01>', '<01> is no placeholder'],
    ['< 0>', '< 0> is no placeholder'],
    ['<0.>', '<0.> is no placeholder'],
    ['<0..a>', '<0..a> is no placeholder'],
    ['<0.a', 'is not closed'],
    ['a\ud83d', 'half a character'],
    ['x'.repeat(1025), '1024 bytes'],
  ])('refuse the template %j at definition', (template, problem) => {
    const error = refusal(() => compileKey(template, 'Stock.take'));
    expect(error).toBeInstanceOf(LockUsageError);
    expect(detailOf(error)).toMatch(/^Stock\.take: /);
    expect(detailOf(error)).toContain(problem);
  });

  it('take several templates, and functions', () => {
    expect(render(['a:<0>', 'b:<1>'], 1, 2)).toEqual(['a:1', 'b:2']);
    expect(render((sku: string) => `stock:${sku}`, 'x')).toBe('stock:x');
    expect(render((...ids: string[]) => ids, 'x', 'y')).toEqual(['x', 'y']);
    const bound = compileKey(function (this: Plain) {
      return `own:${this.id}`;
    }, 'Stock.take');
    expect(bound([], new Plain(3))).toBe('own:3');
  });

  it.each([[undefined], [42], [[]], [['a', 1]], [['a', '<0><1>']], [{}], [null]])(
    'refuse %j for a key at definition',
    (key) => {
      expect(refusal(() => compileKey(key, 'Stock.take'))).toBeInstanceOf(LockUsageError);
    },
  );

  it.each([[''], [null], [[]], [['a', '']], [Promise.resolve('a')], [42], ['é'.repeat(513)]])(
    'refuse what a key function returned: %p',
    (made) => {
      const error = refusal(() => render(() => made));
      expect(error).toBeInstanceOf(LockKeyError);
      expect((error as LockKeyError).fromArguments).toBe(true);
      expect(detailOf(error)).toMatch(/^Stock\.take: /);
    },
  );

  it('refuse a key over 1024 bytes, and take one of 1024', () => {
    const error = refusal(() => render('<0>', 'é'.repeat(513)));
    expect(error).toBeInstanceOf(LockKeyError);
    expect(error).toMatchObject({ fromArguments: true, key: 'é'.repeat(513) });
    expect(detailOf(error)).toMatch(/^Stock\.take: a key may have 1024 bytes, received 1026/);
    expect(render('<0>', 'é'.repeat(512))).toHaveLength(512);
  });
});
