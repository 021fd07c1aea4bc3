/**
 * A small application of somebody else's, compiled and run against the packed tarball: as ES module
 * and as CommonJS, with Nest 11 and 12, `node app <redis url>` or, without an argument, on the
 * memory store. Ends with code 0 when all was as it should be.
 */
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Get, Injectable, Module, Param, ParseIntPipe, Post } from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { Redis } from 'ioredis';
import {
  currentLock,
  LockBusyError,
  Locked,
  LockService,
  MemoryStore,
  RedisLockModule,
} from 'nest-locked';
import { LockService as CoreLockService } from 'nest-locked/core';

const url = process.argv[2];
const callers = 20;

@Injectable()
class Counter {
  readonly tokens: number[] = [];
  count = 0;

  @Locked('count:<0>')
  async increment(id: number): Promise<number> {
    assert.equal(currentLock().key, `count:${String(id)}`);
    this.tokens.push(currentLock().token);
    const before = this.count;
    await turn();
    this.count = before + 1;
    return this.count;
  }
}

@Controller('counts')
class CounterController {
  // By type, not by token: the class that the app imports must be the one the module provides.
  constructor(
    private readonly counter: Counter,
    private readonly locks: LockService,
  ) {}

  @Post(':id')
  @Locked('count:<0>', { waitTime: 10_000 })
  increment(@Param('id', ParseIntPipe) id: number): Promise<number> {
    return this.counter.increment(id);
  }

  @Get(':id')
  @Locked('count:<0>', { waitTime: 0 })
  async read(@Param('id', ParseIntPipe) id: number): Promise<number> {
    assert.ok(this.locks instanceof LockService);
    return id;
  }
}

@Module({
  imports: [
    RedisLockModule.forRoot(url === undefined ? { store: new MemoryStore() } : { connection: url }),
  ],
  controllers: [CounterController],
  providers: [Counter],
})
class AppModule {}

/** The HTTP server: Express, or what the environment names. */
async function platform(): Promise<AbstractHttpAdapter> {
  const name = process.env['PLATFORM'] ?? '@nestjs/platform-express';
  const { ExpressAdapter, FastifyAdapter } = (await import(name)) as Record<
    string,
    new () => AbstractHttpAdapter
  >;
  const Adapter = ExpressAdapter ?? FastifyAdapter;
  assert.ok(Adapter, name);
  return new Adapter();
}

async function main(): Promise<void> {
  assert.equal(CoreLockService, LockService, 'two entry points, two classes');
  const app = await NestFactory.create(AppModule, await platform(), { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  const origin = await app.getUrl();
  const locks = app.get(LockService);
  const counter = app.get(Counter);

  // Two spellings of one number are one key, so nothing is counted over.
  const ids = Array.from({ length: callers }, (_, index) => (index % 2 === 0 ? '42' : '042'));
  const answers = await Promise.all(
    ids.map((id) => fetch(`${origin}/counts/${id}`, { method: 'POST' })),
  );
  for (const answer of answers) assert.equal(answer.status, 201, await answer.text());
  assert.equal(counter.count, callers);
  const sorted = [...counter.tokens].sort((left, right) => left - right);
  assert.deepEqual(counter.tokens, sorted, 'fencing tokens went backwards');
  assert.equal(new Set(sorted).size, callers, 'a fencing token was given twice');

  const lock = await locks.acquire('count:42');
  assert.ok(lock.isHeld());
  await assert.rejects(locks.acquire('count:42', { waitTime: 0 }), LockBusyError);
  assert.equal(await locks.tryAcquire('count:42'), null);
  assert.equal((await fetch(`${origin}/counts/42`)).status, 423);
  assert.equal(await lock.release(), true);
  assert.equal((await fetch(`${origin}/counts/42`)).status, 200);

  await app.close();
  if (url !== undefined) {
    const redis = new Redis(url);
    assert.equal(await redis.dbsize(), 0, 'keys were left behind');
    await redis.quit();
  }
  console.log('as it should be');
}

void main();
