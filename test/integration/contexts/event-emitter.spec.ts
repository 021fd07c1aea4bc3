import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Locked } from '../../../lib/index.js';
import { KEY, ground } from './ground.js';
import { describeJobs } from './job.contract.js';

@Injectable()
class Listeners {
  @OnEvent('works')
  @Locked(KEY, { waitTime: 0 })
  async works(): Promise<void> {
    ground.heldInside.push(await ground.isHeld());
    await ground.work();
  }

  @OnEvent('loses')
  @Locked(KEY)
  async loses(): Promise<void> {
    await ground.lose();
  }

  @OnEvent('skips')
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  async skips(): Promise<void> {
    await ground.work();
  }
}

describeJobs('listeners of @nestjs/event-emitter', async () => {
  @Module({ imports: [ground.locks(), EventEmitterModule.forRoot()], providers: [Listeners] })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: ground.logger });
  const emitter = app.get(EventEmitter2);
  return { app, run: (method) => void emitter.emit(method) };
});
