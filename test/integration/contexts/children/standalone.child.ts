import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LockService, Locked, MemoryStore, RedisLockModule } from '../../../../lib/index.js';
import { childConfig } from '../../../support/child.js';

export interface StandaloneConfig {
  /** Of Redis; in memory when left out. */
  readonly url?: string;
  /** Whether the script closes its application context. */
  readonly closes: boolean;
}

const { url, closes } = childConfig() as StandaloneConfig;

/** A script as a user would write it: it must end by itself. */
@Injectable()
class Work {
  constructor(@Inject(LockService) private readonly locks: LockService) {}

  @Locked('work', { waitTime: 1_000 })
  async run(): Promise<void> {
    await this.locks.using('inner', () => undefined);
  }
}

@Module({
  imports: [
    RedisLockModule.forRoot(url === undefined ? { store: new MemoryStore() } : { connection: url }),
  ],
  providers: [Work],
})
class App {}

// The channel to the parent would keep it alive.
process.disconnect();
const app = await NestFactory.createApplicationContext(App, { logger: false });
await Promise.all([app.get(Work).run(), app.get(Work).run()]);
const busy = await app.get(LockService).acquire('work');
await app
  .get(Work)
  .run()
  .catch(() => undefined);
await busy.release();
if (closes) await app.close();
