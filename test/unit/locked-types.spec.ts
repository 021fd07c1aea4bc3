import { join } from 'node:path';
import { UNUSED_ALLOWED, complaints } from '../support/compile-docs.js';

const PREAMBLE = `
import { EMPTY, type Observable } from 'rxjs';
import { Locked, type LockBusyError } from 'nest-locked';
interface Order { id: number; tenant: { name: string; parent?: { id: string } }; lines: { sku: string }[];
  note: string | null; state: 'new' | 'paid'; at: Date; tags: Map<string, string> }
class ObjectId { toString(): string { return 'x'; } }
enum Kind { Small, Large }
declare function none(): never;
`;

/** A decorator and the method under it, and the words that a compiler is to end with. */
type Case = readonly [title: string, decorator: string, method: string, problem?: string];

const returning = (type: string, parameters = 'id: number'): string =>
  `async m(${parameters}): Promise<${type}> { return none(); }`;
const taking = (parameters: string): string => returning('void', parameters);

const GOOD: readonly Case[] = [
  ['a number', `@Locked('order:<0>')`, taking('id: number')],
  ['a string', `@Locked('order:<0>')`, taking('id: string')],
  ['a bigint', `@Locked('order:<0>')`, taking('id: bigint')],
  ['a boolean', `@Locked('order:<0>')`, taking('id: boolean')],
  ['an enum', `@Locked('order:<0>')`, taking('kind: Kind')],
  ['a union of literals', `@Locked('order:<0.state>')`, taking('order: Order')],
  ['an id with a toString', `@Locked('order:<0>')`, taking('id: ObjectId | string')],
  ['a Date', `@Locked('order:<0.at>')`, taking('order: Order')],
  ['a branded string', `@Locked('order:<0>')`, taking(`id: string & { readonly brand: 'id' }`)],
  ['any', `@Locked('order:<0.a.b>')`, taking('order: any')],
  ['unknown', `@Locked('order:<0>')`, taking('order: unknown')],
  ['a property', `@Locked('order:<0.id>')`, taking('order: Order')],
  ['a property of a property', `@Locked('order:<0.tenant.name>')`, taking('order: Order')],
  ['an element', `@Locked('stock:<0.lines.0.sku>')`, taking('order: Order')],
  ['an element of a tuple', `@Locked('stock:<0.1>')`, taking('pair: [string, number]')],
  ['a property of a record', `@Locked('order:<0.id>')`, taking('body: Record<string, string>')],
  ['a property of all in a union', `@Locked('<0.id>')`, taking('one: { id: 1 } | { id: 2; x: 1 }')],
  ['the second argument', `@Locked('order:<1.id>')`, taking('user: string, order: Order')],
  ['two placeholders', `@Locked('<0>:<1>')`, taking('a: string, b: number')],
  ['several templates', `@Locked(['a:<0>', 'b:<1>'])`, taking('a: string, b: string')],
  ['an argument with a default', `@Locked('order:<0>')`, taking('id: string, size = 10')],
  ['an argument of a rest', `@Locked('order:<1>')`, taking('id: string, ...more: number[]')],
  ['no placeholder', `@Locked('reports:hourly')`, taking('')],
  ['a template that is made at run time', `@Locked(String('x'))`, taking('order: Order')],
  ['a key function', '@Locked((order: Order) => `order:${order.id}`)', taking('order: Order')],
  ['of fewer arguments', '@Locked((id: number) => `o:${id}`)', taking('id: number, x: string')],
  [
    'of a wider argument',
    '@Locked((one: { id: number }) => `o:${one.id}`)',
    taking('order: Order'),
  ],
  [
    'one that may say no lock',
    '@Locked((id: number) => (id > 0 ? `o:${id}` : undefined))',
    taking('id: number'),
  ],
  [
    'a generic method',
    `@Locked('order:<0.id>')`,
    `async m<T extends Order>(order: T): Promise<T> { return order; }`,
  ],
  [
    'a generic method of anything',
    `@Locked('all')`,
    `async m<T>(one: T): Promise<T> { return one; }`,
  ],
  [
    'overloads',
    `m(id: number): Promise<number>; m(id: string): Promise<string>; @Locked('order:<0>')`,
    `async m(id: unknown): Promise<unknown> { return id; }`,
  ],
  [
    'an Observable',
    `@Locked('a', { whenBusy: 'skip' })`,
    `m(): Observable<number> { return EMPTY; }`,
  ],
  [
    'a generator',
    `@Locked('a', { whenBusy: 'skip' })`,
    `async *m(): AsyncGenerator<number> { yield 1; }`,
  ],
  ['skip where nothing is returned', `@Locked('a', { whenBusy: 'skip' })`, returning('void')],
  [
    'skip where undefined may be',
    `@Locked('a', { whenBusy: 'skip' })`,
    returning('string | undefined'),
  ],
  [
    'whenBusy that gives such a result',
    `@Locked('a', { whenBusy: (error) => error.code })`,
    returning('string'),
  ],
  [
    'whenBusy that throws',
    `@Locked('a', { whenBusy: (error) => { throw error; } })`,
    returning('string'),
  ],
  ['whenBusy that promises', `@Locked('a', { whenBusy: async () => 1 })`, returning('number')],
  [
    'whenBusy of the arguments',
    `@Locked('a', { whenBusy: (_: LockBusyError, id: number) => id })`,
    returning('number'),
  ],
  ['whenBusy where nothing is returned', `@Locked('a', { whenBusy: () => 1 })`, returning('void')],
];

const BAD: readonly Case[] = [
  [
    'a method that returns nothing',
    `@Locked('a')`,
    `m(): void {}`,
    'the method must return a promise, an Observable or an async iterable: make it async',
  ],
  [
    'a method that may promise',
    `@Locked('a')`,
    `m(): void | Promise<void> {}`,
    'the method must return a promise, an Observable or an async iterable: make it async',
  ],
  [
    'a property that is not there',
    `@Locked('<0.idd>')`,
    taking('order: Order'),
    '<0.idd>: <0> has no property "idd"',
  ],
  [
    'one deep inside',
    `@Locked('<0.tenant.nam>')`,
    taking('order: Order'),
    '<0.tenant.nam>: <0.tenant> has no property "nam"',
  ],
  [
    'one of a number',
    `@Locked('<0.id>')`,
    taking('id: number'),
    '<0.id>: <0> has no property "id"',
  ],
  [
    'a name for an element',
    `@Locked('<0.lines.first>')`,
    taking('order: Order'),
    'has no property "first"',
  ],
  [
    'one of only some in a union',
    `@Locked('<0.x>')`,
    taking('one: { id: 1 } | { x: 1 }'),
    '<0.x>: <0> has no property "x"',
  ],
  [
    'an argument that is not there',
    `@Locked('<1>')`,
    taking('id: number'),
    '<1>: the method has no such argument',
  ],
  [
    'a property of one',
    `@Locked('<1.id>')`,
    taking('id: number'),
    '<1.id>: the method has no such argument',
  ],
  [
    'a whole object',
    `@Locked('<0>')`,
    taking('order: Order'),
    '<0> is an object or a list: name what tells it from others, such as <0.id>',
  ],
  [
    'an object inside',
    `@Locked('<0.tenant>')`,
    taking('order: Order'),
    '<0.tenant> is an object or a list: name what tells it from others, such as <0.tenant.id>',
  ],
  [
    'a list',
    `@Locked('<0.lines>')`,
    taking('order: Order'),
    '<0.lines> is an object or a list: name what tells it from others, such as <0.lines.id>',
  ],
  ['a Map', `@Locked('<0.tags>')`, taking('order: Order'), 'is an object or a list'],
  [
    'an optional argument',
    `@Locked('<0>')`,
    taking('id?: number'),
    '<0> may be undefined: use a key function that says what to lock then',
  ],
  [
    'an optional property',
    `@Locked('<0.tenant.parent.id>')`,
    taking('order: Order'),
    '<0.tenant.parent.id>: <0.tenant.parent> may be undefined: use a key function that says what to lock then',
  ],
  [
    'a null',
    `@Locked('<0.note>')`,
    taking('order: Order'),
    '<0.note> may be null: use a key function that says what to lock then',
  ],
  [
    'the second of two',
    `@Locked('<0>:<1.idd>')`,
    taking('a: string, order: Order'),
    '<1.idd>: <1> has no property "idd"',
  ],
  [
    'one of several templates',
    `@Locked(['a:<0>', 'b:<2>'])`,
    taking('a: string, b: string'),
    '<2>: the method has no such argument',
  ],
  [
    'a key function of another argument',
    '@Locked((id: number) => `o:${id}`)',
    taking('id: string'),
    'the key function does not take the arguments of this method',
  ],
  [
    'a key function of more arguments',
    '@Locked((a: number, b: number) => `o:${a}${b}`)',
    taking('id: number'),
    'the key function does not take the arguments of this method',
  ],
  [
    'skip of a result',
    `@Locked('a', { whenBusy: 'skip' })`,
    returning('string'),
    "whenBusy: 'skip' gives undefined, which this method does not return: add it to the type of its result",
  ],
  [
    'whenBusy with another result',
    `@Locked('a', { whenBusy: () => 1 })`,
    returning('string'),
    'whenBusy does not return what this method returns',
  ],
  [
    'whenBusy of another argument',
    `@Locked('a', { whenBusy: (_: LockBusyError, id: string) => id })`,
    returning('string'),
    'whenBusy does not take the arguments of this method',
  ],
];

const fileOf = (title = ''): string => join(__dirname, `${title.replaceAll(' ', '-')}.ts`);

describe('the types of @Locked', () => {
  let found: Map<string, string[]>;
  beforeAll(() => {
    const classOf = ([, decorator, method]: Case) =>
      `export class Orders { ${decorator} ${method} }`;
    const files = [...GOOD, ...BAD].map(
      (one) => [fileOf(one[0]), `${PREAMBLE}${classOf(one)}`] as const,
    );
    found = complaints(new Map(files), UNUSED_ALLOWED);
  });

  it.each(GOOD)('accept %s', (title) => {
    expect(found.get(fileOf(title))).toEqual([]);
  });

  it.each(BAD)('refuse %s, in words', (title, _decorator, _method, problem = '') => {
    const [said = '', ...more] = found.get(fileOf(title)) ?? [];
    expect(more).toEqual([]);
    expect(said.replaceAll('\\"', '"')).toContain(problem);
  });
});
