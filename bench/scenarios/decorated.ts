import 'reflect-metadata';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { load } from '../runner/library.js';
import type { Bench } from '../runner/bench.js';
import type { CaseResult, Row } from '../runner/result.js';
import { median, spread, type Spread } from '../runner/stats.js';
import type { Sizes } from './sizes.js';

interface Built {
  Locked: (key: string) => MethodDecorator;
  LockService: Type<{ using(key: string, task: () => Promise<number>): Promise<number> }>;
  MemoryStore: new () => object;
  RedisLockModule: { forRoot: (options: object) => object };
}

interface NestCore {
  NestFactory: {
    createApplicationContext: (module: object, options: object) => Promise<INestApplicationContext>;
  };
}

type Handler = (...args: unknown[]) => Promise<unknown>;

interface ContextCreator {
  create(instance: object, callback: Handler, method: string): Handler;
}

/** The methods whose calls are timed, by what they are. */
interface Calls {
  readonly plain: (id: number) => Promise<unknown>;
  readonly using: (id: number) => Promise<unknown>;
  readonly locked: (id: number) => Promise<unknown>;
  readonly handler: (id: number) => Promise<unknown>;
  readonly lockedHandler: (id: number) => Promise<unknown>;
}

/** The library's own Nest, not the copy that a peer brought with it. */
const nest = new URL('../../node_modules/@nestjs/core/', import.meta.url);

/** Calls of one kind in a row. */
const CALLS = 250;
const BLOCKS = 9;

/** (h) what `@Locked` and its interceptor add, on the memory store, where nothing else costs. */
export async function decorated(_bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const { calls, close } = await prepare();
  const names = Object.keys(calls) as (keyof Calls)[];
  const times = new Map<keyof Calls, number[]>(names.map((name) => [name, []]));
  for (const name of names) await timed(calls[name], sizes.decoratedCalls / 5);
  // Differences of single µs: many short rounds, so that the two halves of each lie close together.
  for (let round = 0; round < sizes.decoratedCalls / CALLS; round += 1) {
    const at = round % names.length;
    for (const name of [...names.slice(at), ...names.slice(0, at)]) {
      times.get(name)!.push(await timed(calls[name], CALLS));
    }
  }
  await close();
  return [{ ...layout, rows: rowsOf(times) }];
}

const layout: Omit<CaseResult, 'rows'> = {
  scenario: 'h',
  name: 'decorator',
  title: 'one call after the other, memory store, one process',
  params: {},
  columns: [
    { metric: 'each', title: 'a call', unit: 'µs' },
    { metric: 'over', title: 'of it the decorator or interceptor', unit: 'µs' },
  ],
};

/** The medians of a few long stretches: a single short round may hold a garbage collection. */
function inBlocks(values: readonly number[]): Spread {
  const size = Math.max(1, Math.floor(values.length / BLOCKS));
  const blocks = Array.from({ length: Math.min(BLOCKS, values.length) }, (_, block) =>
    median(values.slice(block * size, (block + 1) * size)),
  );
  return spread(blocks);
}

async function timed(call: (id: number) => Promise<unknown>, count: number): Promise<number> {
  const before = performance.now();
  for (let id = 0; id < count; id += 1) await call(id);
  return ((performance.now() - before) * 1_000) / count;
}

function rowsOf(times: ReadonlyMap<keyof Calls, readonly number[]>): Row[] {
  const of = (name: keyof Calls): readonly number[] => times.get(name)!;
  const minus = (left: readonly number[], right: readonly number[]): number[] =>
    left.map((value, round) => value - right[round]!);
  const row = (name: keyof Calls, label: string, over?: number[]): Row => ({
    id: name,
    label,
    kind: over === undefined ? 'floor' : 'ours',
    variant: 'default',
    metrics: { each: inBlocks(of(name)), ...(over === undefined ? {} : { over: inBlocks(over) }) },
  });
  const decorator = minus(of('locked'), of('plain'));
  const inHandler = minus(of('lockedHandler'), of('handler'));
  return [
    row('plain', 'the method itself'),
    row('using', 'locks.using round it'),
    row('locked', '@Locked on it', minus(of('locked'), of('using'))),
    row('handler', "a handler in Nest's pipeline, no lock"),
    row('lockedHandler', 'the same with @Locked', minus(inHandler, decorator)),
  ];
}

async function prepare(): Promise<{ calls: Calls; close: () => Promise<void> }> {
  const { Locked, LockService, MemoryStore, RedisLockModule } = await load<Built>(
    new URL('../../dist/esm/index.js', import.meta.url).href,
  );
  const { NestFactory } = await load<NestCore>(new URL('index.js', nest).href);
  const { ExternalContextCreator } = await load<{ ExternalContextCreator: Type<ContextCreator> }>(
    new URL('helpers/external-context-creator.js', nest).href,
  );

  class Shop {
    async plain(id: number): Promise<number> {
      return id;
    }
    async locked(id: number): Promise<number> {
      return id;
    }
  }
  decorate(Shop.prototype, 'locked', Locked('order:<0>'));
  const app = await NestFactory.createApplicationContext(
    {
      module: class App extends Shop {},
      imports: [RedisLockModule.forRoot({ store: new MemoryStore() })],
      providers: [Shop],
    },
    { logger: false },
  );
  const shop = app.get(Shop);
  const locks = app.get(LockService, { strict: false });
  const contexts = app.get(ExternalContextCreator, { strict: false });
  const handle = (name: 'plain' | 'locked'): ((id: number) => Promise<unknown>) => {
    const handler = contexts.create(shop, Reflect.get(shop, name) as Handler, name);
    // Nest hands a handler of the HTTP kind its request and response first; ours takes the id there.
    return (id) => handler(id, response);
  };
  return {
    calls: {
      plain: (id) => shop.plain(id),
      using: (id) => locks.using(`order:${id}`, () => shop.plain(id)),
      locked: (id) => shop.locked(id),
      handler: handle('plain'),
      lockedHandler: handle('locked'),
    },
    close: () => app.close(),
  };
}

const response = { once() {}, removeListener() {} };

function decorate(prototype: object, name: string, decorator: MethodDecorator): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)!;
  const decorated = decorator(prototype, name, descriptor) as PropertyDescriptor | undefined;
  Object.defineProperty(prototype, name, decorated ?? descriptor);
}
