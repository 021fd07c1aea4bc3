import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import {
  InjectLeaderElection,
  LeaderElection,
  LeaderElectionModule,
  LeaderOnly,
  LockService,
  Locked,
  MemoryStore,
  RedisLockModule,
  currentLock,
  currentTerm,
  getLeaderElectionToken,
} from '../../../lib/index.js';
import type { LockStore } from '../../../lib/index.js';
import { Gate, Stage } from '../../support/gate.js';
import { closeApps, startApp } from '../../support/nest-app.js';
import { watch } from '../../support/until.js';

class Deny implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

@Controller()
class Handlers {
  static stage = new Stage();

  @LeaderOnly()
  @Get('who')
  async who(): Promise<string> {
    return `leader for ${currentTerm().key}`;
  }

  @Get('above')
  @LeaderOnly()
  @UseGuards(Deny)
  async denied(): Promise<string> {
    return 'ran';
  }

  @Get('slow')
  async slow(): Promise<string> {
    await Handlers.stage.pause();
    return 'ended';
  }

  @Get('locked/above')
  @Locked('report')
  @LeaderOnly()
  async lockedAbove(): Promise<string> {
    return `${currentLock().key} ${currentTerm().key}`;
  }

  @Get('locked/below')
  @LeaderOnly()
  @Locked('report')
  async lockedBelow(): Promise<string> {
    return `${currentLock().key} ${currentTerm().key}`;
  }
}

@Injectable()
class Jobs {
  readonly ran: string[] = [];

  constructor(
    @Inject(LeaderElection) readonly election: LeaderElection,
    @InjectLeaderElection('billing') readonly billing: LeaderElection,
  ) {}

  @LeaderOnly()
  @Cron('0 0 1 1 *', { name: 'below' })
  async cronBelow(): Promise<void> {
    this.ran.push(`below ${currentTerm().key}`);
  }

  @Cron('0 0 1 1 *', { name: 'above' })
  @LeaderOnly()
  cronAbove(): void {
    this.ran.push(`above ${currentTerm().key}`);
  }

  @LeaderOnly('billing')
  @OnEvent('paid')
  async paid(): Promise<void> {
    this.ran.push(`paid ${currentTerm().key}`);
  }
}

function rootOf(store: LockStore): Type {
  @Module({
    imports: [
      RedisLockModule.forRoot({ store }),
      ScheduleModule.forRoot(),
      EventEmitterModule.forRoot(),
      LeaderElectionModule.register({ key: 'scheduler' }),
      LeaderElectionModule.registerAsync({
        name: 'billing',
        useFactory: async () => Promise.resolve({ key: 'billing:eu', leaseTime: 5_000 }),
      }),
    ],
    controllers: [Handlers],
    providers: [Jobs],
  })
  class AppModule {}
  return AppModule;
}

async function refusal(root: Type): Promise<Error> {
  try {
    const app = await NestFactory.createApplicationContext(root, {
      logger: false,
      abortOnError: false,
    });
    await app.close();
  } catch (error) {
    return error as Error;
  }
  throw new Error('the application started');
}

describe('LeaderElectionModule', () => {
  let store: MemoryStore;
  beforeEach(() => {
    store = new MemoryStore();
    Handlers.stage = new Stage();
  });
  afterEach(closeApps);

  const start = async () => {
    const running = await startApp(rootOf(store));
    return { ...running, jobs: running.app.get(Jobs) };
  };

  it('Exclusion: of two applications one runs what is for the leader, by @Cron, @OnEvent and in handlers', async () => {
    const one = await start();
    await Promise.all([one.jobs.election.whenLeader(), one.jobs.billing.whenLeader()]);
    const two = await start();
    for (const { app } of [one, two]) {
      for (const name of ['below', 'above']) {
        await app.get(SchedulerRegistry).getCronJob(name).fireOnTick();
      }
      await app.get(EventEmitter2).emitAsync('paid');
    }
    expect(one.jobs.ran.sort()).toEqual(['above scheduler', 'below scheduler', 'paid billing:eu']);
    expect(two.jobs.ran).toEqual([]);
    expect(await one.ask('/who')).toMatchObject({ status: 200, body: 'leader for scheduler' });
    expect(await two.ask('/who')).toMatchObject({ status: 200, body: '' });
  });

  it('a guard still guards, and @Locked stands above and below', async () => {
    const one = await start();
    await one.jobs.election.whenLeader();
    const two = await start();
    expect((await one.ask('/above')).status).toBe(403);
    for (const order of ['above', 'below']) {
      expect((await one.ask(`/locked/${order}`)).body).toBe('report scheduler');
      expect((await two.ask(`/locked/${order}`)).body).toBe('');
    }
    expect((await one.app.get(LockService).inspect('report')).holders).toEqual([]);
  });

  it('Order: at a shutdown the next is leader while requests are still answered', async () => {
    const one = await start();
    await one.jobs.election.whenLeader();
    const two = await start();
    const events: string[] = [];
    one.jobs.election.on('lost', () => events.push('one lost'));
    const elected = new Gate();
    two.jobs.election.on('gained', () => {
      events.push('two gained');
      elected.open();
    });
    const answer = one.ask('/slow').then(({ body }) => events.push(`answered: ${String(body)}`));
    await Handlers.stage.entered;
    const closing = one.app.close().then(() => events.push('one closed'));
    // With a lease of 30 s, which nobody waits for.
    await elected.opened;
    expect(events).toEqual(['one lost', 'two gained']);
    Handlers.stage.goOn();
    await Promise.all([answer, closing]);
    expect(events.slice(2).sort()).toEqual(['answered: ended', 'one closed']);
  });

  it('Order: a job that goes on is told by its signal, and its end is awaited by nobody', async () => {
    const one = await start();
    await one.jobs.election.whenLeader();
    const two = await start();
    const stage = new Stage();
    const job = one.jobs.election.ifLeader(async ({ signal }) => {
      await stage.pause();
      return signal.aborted;
    });
    await stage.entered;
    await one.app.close();
    expect((await two.jobs.election.whenLeader()).isHeld()).toBe(true);
    expect(watch(job).settled).toBe(false);
    stage.goOn();
    expect(await job).toBe(true);
  });

  it('leads only when all modules are there', async () => {
    const module = await Test.createTestingModule({ imports: [rootOf(store)] }).compile();
    const election = module.get(LeaderElection);
    expect((await store.inspect('scheduler')).holders).toEqual([]);
    await module.init();
    expect((await election.whenLeader()).key).toBe('scheduler');
    await module.close();
    expect((await store.inspect('scheduler')).holders).toEqual([]);
  });

  it('a plain object can stand for the election in a test', async () => {
    @Injectable()
    class Reports {
      @LeaderOnly()
      async daily(): Promise<string> {
        return Promise.resolve('ran');
      }
    }
    let leads = true;
    const ifLeader = async (task: () => unknown): Promise<unknown> =>
      leads ? Promise.resolve(task()) : undefined;
    const module = await Test.createTestingModule({
      providers: [Reports, { provide: getLeaderElectionToken(), useValue: { ifLeader } }],
    }).compile();
    expect(await module.get(Reports).daily()).toBe('ran');
    leads = false;
    expect(await module.get(Reports).daily()).toBeUndefined();
  });

  it('is one module’s own, or global when it is told so', async () => {
    @Injectable()
    class Reports {
      @LeaderOnly('reports')
      async daily(): Promise<void> {}
    }
    @Module({ providers: [Reports] })
    class Feature {}
    const withFeature = (isGlobal: boolean): Type => {
      const election = LeaderElectionModule.register({ name: 'reports', key: 'reports', isGlobal });
      @Module({ imports: [RedisLockModule.forRoot({ store }), election, Feature] })
      class Root {}
      return Root;
    };
    const { message } = await refusal(withFeature(false));
    expect(message).toContain("Nest can't resolve dependencies of the Reports");
    expect(message).toContain(
      'the LeaderElection for @LeaderOnly("reports"): add LeaderElectionModule.register({ name: "reports", key }) to the imports of the module of this class, or register it once with isGlobal: true',
    );
    const { app } = await startApp(withFeature(true));
    expect(app.get(Reports)).toBeInstanceOf(Reports);
  });

  it.each([
    [
      'no RedisLockModule',
      () => [LeaderElectionModule.register({ key: 'a' })],
      /^LeaderElectionModule has no LockService: add RedisLockModule\.forRoot\(\) to the imports of the root module$/,
    ],
    [
      'a bad option',
      () => [forRoot(), LeaderElectionModule.register({ key: 'a', leaseTime: 3 })],
      /^leaseTime must be a number of ms from 10 to 2147483647, received 3$/,
    ],
    [
      'a bad option of a factory',
      () => [forRoot(), LeaderElectionModule.registerAsync({ useFactory: () => null as never })],
      /^the options of an election are an object, received null$/,
    ],
    [
      'a key that two modules register',
      () => [
        forRoot(),
        LeaderElectionModule.register({ key: 'a' }),
        LeaderElectionModule.register({ key: 'a', name: 'again' }),
      ],
      /^two elections for "a" on one LockService: the second would wait for the first for ever/,
    ],
  ])('refuses to start with %s', async (_, imports, problem) => {
    @Module({ imports: imports() })
    class Root {}
    expect((await refusal(Root)).message).toMatch(problem);
  });

  it('refuses an empty name when it is registered', () => {
    expect(() => LeaderElectionModule.register({ key: 'a', name: '' })).toThrow(
      "the name of an election is a non-empty string, received ''",
    );
  });

  const forRoot = () => RedisLockModule.forRoot({ store });
});
