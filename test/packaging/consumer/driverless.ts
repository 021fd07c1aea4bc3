/**
 * An application with Nest and no driver at all, compiled and run against the packed tarball: importing
 * the library, and locks in memory, must not need one. Ends with code 0 when all was as it should be.
 */
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { currentLock, Locked, LockService, MemoryStore, RedisLockModule } from 'nest-locked';
import { LockService as CoreLockService } from 'nest-locked/core';

@Injectable()
class Reports {
  @Locked('report:<0>')
  async write(name: string): Promise<string> {
    return Promise.resolve(`${name} under ${currentLock().key}`);
  }
}

@Module({
  imports: [RedisLockModule.forRoot({ store: new MemoryStore() })],
  providers: [Reports],
})
class InMemory {}

@Module({ imports: [RedisLockModule.forRoot({ connection: 'redis://127.0.0.1:1' })] })
class OnRedis {}

async function main(): Promise<void> {
  assert.equal(CoreLockService, LockService, 'two entry points, two classes');

  const app = await NestFactory.createApplicationContext(InMemory, { logger: ['error', 'warn'] });
  const locks = app.get(LockService);
  assert.equal(await app.get(Reports).write('today'), 'today under report:today');
  await locks.using('report:today', async () => {
    assert.equal((await locks.inspect('report:today')).holders.length, 1);
    await Promise.resolve();
  });
  await app.close();

  // Which package to install, at boot and not at the first lock.
  await assert.rejects(
    NestFactory.createApplicationContext(OnRedis, { logger: false, abortOnError: false }),
    /npm install ioredis/,
  );
  console.log('as it should be');
}

void main();
