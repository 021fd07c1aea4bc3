import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Locked } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { KEY, ground, newGround } from './ground.js';
import { describeJobs } from './job.contract.js';

/** A time that does not come: the tests have the jobs fired. */
const NEVER = '0 0 29 2 *';

@Injectable()
class Jobs {
  @Cron(NEVER, { name: 'works' })
  @Locked(KEY, { waitTime: 0 })
  async works(): Promise<void> {
    ground.heldInside.push(await ground.isHeld());
    await ground.work();
  }

  @Cron(NEVER, { name: 'loses' })
  @Locked(KEY)
  async loses(): Promise<void> {
    await ground.lose();
  }

  @Cron(NEVER, { name: 'skips' })
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  async skips(): Promise<void> {
    await ground.work();
  }
}

describeJobs('jobs of @nestjs/schedule', async () => {
  @Module({ imports: [ground.locks(), ScheduleModule.forRoot()], providers: [Jobs] })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: ground.logger });
  const registry = app.get(SchedulerRegistry);
  return { app, run: (method) => void registry.getCronJob(method).fireOnTick() };
});

describe('a job that is fired by the clock', () => {
  @Injectable()
  class EverySecond {
    @Cron('* * * * * *')
    @Locked(KEY, { waitTime: 0, whenBusy: 'skip', minHoldTime: 500 })
    async tick(): Promise<void> {
      await ground.work();
    }
  }

  it('runs once in two instances of an application', async () => {
    newGround();
    @Module({ imports: [ground.locks(), ScheduleModule.forRoot()], providers: [EverySecond] })
    class App {}
    const boot = () => NestFactory.createApplicationContext(App, { logger: ground.logger });
    const apps = await Promise.all([boot(), boot()]);
    await until('the tick has come', () => ground.runs > 0);
    await Promise.all(apps.map((app) => app.close()));
    expect(ground.runs).toBe(1);
    expect(ground.logger.all).toEqual([]);
  });
});
