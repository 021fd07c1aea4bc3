import {
  Controller,
  Get,
  Injectable,
  Module,
  Param,
  SetMetadata,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { PATTERN_METADATA } from '@nestjs/microservices/constants';
import { MessagePattern } from '@nestjs/microservices';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Locked, MemoryStore, RedisLockModule, currentLock } from '../../../lib/index.js';
import { Gate } from '../../support/gate.js';
import { closeApps, startApp } from '../../support/nest-app.js';

class Deny implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

@Controller()
class Guarded {
  ran: string[] = [];

  @Get('below/:id')
  @Locked('order:<0>')
  @UseGuards(Deny)
  async guardBelow(@Param('id') id: string): Promise<string> {
    this.ran.push(id);
    return id;
  }

  @UseGuards(Deny)
  @Locked('order:<0>')
  @Get('above/:id')
  async guardAbove(@Param('id') id: string): Promise<string> {
    this.ran.push(id);
    return id;
  }

  @Locked('order:<0>')
  @Get('route-below/:id')
  async routeBelow(@Param('id') id: string): Promise<string> {
    return `${id} ${currentLock().key}`;
  }

  @Get('route-above/:id')
  @Locked('order:<0>')
  async routeAbove(@Param('id') id: string): Promise<string> {
    return `${id} ${currentLock().key}`;
  }
}

@Injectable()
class Jobs {
  static readonly done: Record<string, Gate> = {
    cronBelow: new Gate(),
    cronAbove: new Gate(),
    eventBelow: new Gate(),
    eventAbove: new Gate(),
  };

  @Locked('jobs:cron-below')
  @Cron('0 0 1 1 *', { name: 'below' })
  async cronBelow(): Promise<void> {
    if (currentLock('jobs:cron-below').isHeld()) Jobs.done.cronBelow?.open();
  }

  @Cron('0 0 1 1 *', { name: 'above' })
  @Locked('jobs:cron-above')
  async cronAbove(): Promise<void> {
    if (currentLock('jobs:cron-above').isHeld()) Jobs.done.cronAbove?.open();
  }

  @Locked('jobs:<0.id>')
  @OnEvent('paid')
  async eventBelow(event: { id: number }): Promise<void> {
    if (currentLock(`jobs:${event.id}`).isHeld()) Jobs.done.eventBelow?.open();
  }

  @OnEvent('shipped')
  @Locked('jobs:<0.id>')
  async eventAbove(event: { id: number }): Promise<void> {
    if (currentLock(`jobs:${event.id}`).isHeld()) Jobs.done.eventAbove?.open();
  }
}

class Marked {
  @SetMetadata('above', 1)
  @Locked('marks:<0>')
  @SetMetadata('below', 2)
  @MessagePattern('marks')
  async read(first: string, second: number, ...rest: string[]): Promise<string> {
    return first + String(second) + rest.join('');
  }
}

@Module({
  imports: [
    RedisLockModule.forRoot({ store: new MemoryStore() }),
    ScheduleModule.forRoot(),
    EventEmitterModule.forRoot(),
  ],
  controllers: [Guarded],
  providers: [Jobs],
})
class AppModule {}

describe('other decorators on a locked method', () => {
  afterEach(closeApps);

  it.each(['below', 'above'])(
    'a guard %s @Locked still guards: 403, and the method does not run',
    async (order) => {
      const { app, ask } = await startApp(AppModule);
      expect((await ask(`/${order}/7`)).status).toBe(403);
      expect(app.get(Guarded).ran).toEqual([]);
    },
  );

  it.each(['below', 'above'])('@Get %s @Locked still routes', async (order) => {
    const { ask } = await startApp(AppModule);
    expect(await ask(`/route-${order}/7`)).toMatchObject({ status: 200, body: '7 order:7' });
  });

  it.each(['below', 'above'])('@Cron %s @Locked still fires, under the lock', async (order) => {
    const { app } = await startApp(AppModule);
    await app.get(SchedulerRegistry).getCronJob(order).fireOnTick();
    await Jobs.done[order === 'below' ? 'cronBelow' : 'cronAbove']?.opened;
  });

  it('@OnEvent below and above @Locked still listens, under the lock', async () => {
    const { app } = await startApp(AppModule);
    await app.get(EventEmitter2).emitAsync('paid', { id: 1 });
    await app.get(EventEmitter2).emitAsync('shipped', { id: 2 });
    await Jobs.done.eventBelow?.opened;
    await Jobs.done.eventAbove?.opened;
  });

  it('metadata from both sides, name, length and own properties are kept', () => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- looked at, not called
    const { read } = Marked.prototype;
    expect(Reflect.getMetadata('above', read)).toBe(1);
    expect(Reflect.getMetadata('below', read)).toBe(2);
    expect(Reflect.getMetadata(PATTERN_METADATA, read)).toEqual(['marks']);
    expect(read.name).toBe('read');
    expect(read).toHaveLength(2);
  });
});
