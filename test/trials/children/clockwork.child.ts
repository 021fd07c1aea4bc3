import 'reflect-metadata';
import { subscribe } from 'node:diagnostics_channel';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Locked, RedisLockModule } from '../../../lib/index.js';
import { childConfig, tellParent } from '../../support/child.js';
import { sleep } from '../../support/until.js';

export interface ClockworkConfig {
  readonly url: string;
}

/** What an instance tells of its jobs: that it was time for one, and that it ran it. */
export interface Tick {
  readonly job: 'kept' | 'plain';
  readonly what: 'due' | 'run';
  /** The second, by the clock of the instance. */
  readonly second: number;
  /** How much later than that it came, in ms. */
  readonly late: number;
}

/** How long a job takes, in ms: for less than the clocks differ. */
const WORK = 5;
/** Half of the time from one tick to the next. */
const MIN_HOLD = 500;

const { url } = childConfig() as ClockworkConfig;

function tell(job: Tick['job'], what: Tick['what']): void {
  const now = Date.now();
  const second = Math.round(now / 1_000);
  void tellParent({ job, what, second, late: now - second * 1_000 } satisfies Tick);
}

@Injectable()
class Clockwork {
  @Cron('* * * * * *')
  @Locked('reports:kept', { waitTime: 0, whenBusy: 'skip', minHoldTime: MIN_HOLD })
  async kept(): Promise<void> {
    tell('kept', 'run');
    await sleep(WORK);
  }

  /** The same without what this is about: the other instance finds the lock free again. */
  @Cron('* * * * * *')
  @Locked('reports:plain', { waitTime: 0, whenBusy: 'skip' })
  async plain(): Promise<void> {
    tell('plain', 'run');
    await sleep(WORK);
  }
}

@Module({
  imports: [ScheduleModule.forRoot(), RedisLockModule.forRoot({ connection: url })],
  providers: [Clockwork],
})
class Instance {}

subscribe('nest-locked:acquire:start', (event) => {
  tell((event as { key: string }).key === 'reports:kept' ? 'kept' : 'plain', 'due');
});
const app = await NestFactory.createApplicationContext(Instance, { logger: ['error'] });
await tellParent({ ready: true });
process.on('message', () => {
  void app.close().then(() => process.disconnect());
});
