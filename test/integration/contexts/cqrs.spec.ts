import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Command,
  CommandBus,
  CommandHandler,
  CqrsModule,
  EventBus,
  EventsHandler,
  type ICommandHandler,
  type IEventHandler,
} from '@nestjs/cqrs';
import { LockBusyError, LockLostError, LockUnavailableError, Locked } from '../../../lib/index.js';
import { KEY, ground, newGround } from './ground.js';
import { describeJobs } from './job.contract.js';

class Pay extends Command<string> {
  constructor(readonly how: 'works' | 'loses') {
    super();
  }
}

@CommandHandler(Pay)
class PayHandler implements ICommandHandler<Pay> {
  @Locked(KEY, { waitTime: 0 })
  async execute({ how }: Pay): Promise<string> {
    ground.heldInside.push(await ground.isHeld());
    return how === 'works' ? ground.work() : ground.lose();
  }
}

class Works {
  readonly what = 'works';
}
class Loses {
  readonly what = 'loses';
}
class Skips {
  readonly what = 'skips';
}

@EventsHandler(Works)
class WorksHandler implements IEventHandler<Works> {
  @Locked(KEY, { waitTime: 0 })
  async handle(_: Works): Promise<void> {
    ground.heldInside.push(await ground.isHeld());
    await ground.work();
  }
}

@EventsHandler(Loses)
class LosesHandler implements IEventHandler<Loses> {
  @Locked(KEY)
  async handle(_: Loses): Promise<void> {
    await ground.lose();
  }
}

@EventsHandler(Skips)
@Injectable()
class SkipsHandler implements IEventHandler<Skips> {
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  async handle(_: Skips): Promise<void> {
    await ground.work();
  }
}

async function boot(): Promise<INestApplicationContext> {
  @Module({
    imports: [ground.locks(), CqrsModule.forRoot()],
    providers: [PayHandler, WorksHandler, LosesHandler, SkipsHandler],
  })
  class App {}
  const app = await NestFactory.createApplicationContext(App, { logger: ground.logger });
  return app.init();
}

describeJobs('event handlers of @nestjs/cqrs', async () => {
  const app = await boot();
  const bus = app.get(EventBus);
  const events = { works: new Works(), loses: new Loses(), skips: new Skips() };
  return { app, run: (method) => void bus.publish(events[method]) };
});

describe('locks and lock errors of command handlers of @nestjs/cqrs', () => {
  let app: INestApplicationContext;
  let bus: CommandBus;
  beforeEach(async () => {
    newGround();
    app = await boot();
    bus = app.get(CommandBus);
  });
  afterEach(() => app.close());

  it('the handler runs inside its lock, which is given back', async () => {
    expect(await bus.execute(new Pay('works'))).toBe('done');
    expect(ground.heldInside).toEqual([true]);
    expect(await ground.isHeld()).toBe(false);
  });

  it('who sent the command is told by the error itself: busy, lost, unavailable', async () => {
    const lock = await ground.take();
    await expect(bus.execute(new Pay('works'))).rejects.toBeInstanceOf(LockBusyError);
    await lock.release();
    await expect(bus.execute(new Pay('loses'))).rejects.toBeInstanceOf(LockLostError);
    ground.fallSilent();
    await expect(bus.execute(new Pay('works'))).rejects.toBeInstanceOf(LockUnavailableError);
    expect(ground.runs).toBe(1);
  });
});
