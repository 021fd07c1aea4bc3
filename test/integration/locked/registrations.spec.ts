import { Controller, Get, Injectable, Module, Param, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  InjectLockService,
  LockDefaults,
  LockService,
  LockStore,
  LockUsageError,
  Locked,
  MemoryStore,
  RedisLockModule,
  currentLock,
  getLockServiceToken,
  getLockStoreToken,
} from '../../../lib/index.js';
import { closeApps, startApp } from '../../support/nest-app.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';

@Injectable()
class Orders {
  constructor(
    readonly locks: LockService,
    @InjectLockService('billing') readonly billing: LockService,
  ) {}

  @Locked('order:<0>', { waitTime: 0 })
  async here(id: number): Promise<string> {
    return `${id} ${currentLock().key}`;
  }

  @Locked('order:<0>', { service: 'billing', waitTime: 0 })
  async there(id: number): Promise<string> {
    return `${id} ${currentLock().key}`;
  }

  @Locked('order:<0>', { service: 'billing' })
  async both(id: number): Promise<string> {
    return this.here(id);
  }
}

@Injectable()
@LockDefaults({ service: 'billing', waitTime: 0, mode: 'shared', leaseTime: 7_000 })
class Invoices {
  modes: unknown[] = [];

  @Locked('invoice:<0>')
  async read(_id: number): Promise<void> {
    this.modes.push(currentLock().mode.kind);
  }

  @Locked('invoice:<0>', { limit: 2, waitTime: 5 })
  async export(_id: number): Promise<void> {
    this.modes.push(currentLock().mode.kind);
  }
}

@Injectable()
class CreditNotes extends Orders {
  @Locked('credit:<0>')
  async note(id: number): Promise<string> {
    return `${id} ${currentLock().key}`;
  }
}
LockDefaults({ service: 'billing', waitTime: 0 })(CreditNotes);

@Controller()
class Handlers {
  @Get('here/:id')
  @Locked('order:<0>', { waitTime: 0 })
  async here(@Param('id') id: string): Promise<string> {
    return id;
  }

  @Get('there/:id')
  @Locked('order:<0>', { waitTime: 0, service: 'billing' })
  async there(@Param('id') id: string): Promise<string> {
    return id;
  }
}

function rootOf(...imports: NonNullable<Parameters<typeof Module>[0]['imports']>): Type {
  @Module({ imports, providers: [Orders, Invoices, CreditNotes], controllers: [Handlers] })
  class AppModule {}
  return AppModule;
}

async function refusal(root: Type): Promise<Error> {
  try {
    const app = await NestFactory.create(root, { logger: false, abortOnError: false });
    await app.init();
    await app.close();
  } catch (error) {
    return error as Error;
  }
  throw new Error('the application started');
}

const memory = (name?: string) => RedisLockModule.forRoot({ name, store: new MemoryStore() });

describe('several registrations', () => {
  afterEach(closeApps);

  it('Identity: the same key in two of them is two locks, for a service, a method and a handler', async () => {
    const { app, ask } = await startApp(rootOf(memory(), memory('billing')));
    const orders = app.get(Orders);
    expect(app.get(getLockServiceToken('billing'))).toBe(orders.billing);
    expect(orders.billing).not.toBe(orders.locks);

    await using held = await orders.locks.acquire('order:1');
    await expect(orders.here(1)).rejects.toMatchObject({ code: 'LOCK_BUSY' });
    expect(await orders.there(1)).toBe('1 order:1');
    expect(await ask('/here/1')).toMatchObject({ status: 423 });
    expect(await ask('/there/1')).toMatchObject({ status: 200 });
    await held.release();

    expect(await orders.both(1)).toBe('1 order:1');
    await using billed = await orders.billing.acquire('order:1');
    expect(billed.isHeld()).toBe(true);
    expect(await ask('/here/1')).toMatchObject({ status: 200 });
    expect(await ask('/there/1')).toMatchObject({ status: 423 });
  });

  it('@LockDefaults gives the methods of a class what they do not say themselves', async () => {
    const { app } = await startApp(rootOf(memory(), memory('billing')));
    const [invoices, orders] = [app.get(Invoices), app.get(Orders)];
    await invoices.read(1);
    await invoices.export(1);
    expect(invoices.modes).toEqual(['shared', 'limited']);
    await using reading = await orders.billing.acquire('invoice:1', { mode: 'shared' });
    await invoices.read(1);
    await expect(invoices.export(1)).rejects.toMatchObject({ code: 'LOCK_BUSY' });
    expect(reading.isHeld()).toBe(true);
  });

  it('@LockDefaults leaves the methods that a class inherits as they are', async () => {
    const { app } = await startApp(rootOf(memory(), memory('billing')));
    const notes = app.get(CreditNotes);
    await using held = await notes.billing.acquireAll(['credit:1', 'order:1']);
    await expect(notes.note(1)).rejects.toMatchObject({ code: 'LOCK_BUSY' });
    expect(await notes.here(1)).toBe('1 order:1');
    expect(held.isHeld()).toBe(true);
  });

  it('a class that only asks a named one needs no other', async () => {
    @Module({ imports: [memory('billing')], providers: [Invoices] })
    class AppModule {}
    const { app } = await startApp(AppModule);
    await app.get(Invoices).read(1);
    expect(() => app.get(LockService, { strict: false })).toThrow();
  });

  it('Never unlocked: without the registration that a method names the application does not start', async () => {
    const error = await refusal(rootOf(memory()));
    expect(error.message).toContain('billing');
  });

  it.each([
    ['without a name', 'without a name', [memory(), memory(), memory('billing')]],
    ['with one name', 'with the name "billing"', [memory('billing'), memory('billing'), memory()]],
  ])('two global ones %s are refused at boot', async (_, named, imports) => {
    const error = await refusal(rootOf(...imports));
    expect(error).toBeInstanceOf(LockUsageError);
    expect(error.message).toContain(`2 global lock modules ${named}`);
    expect(error.message).toContain("forRoot({ name: 'billing', … })");
  });

  it('one for the whole application and one for a module of its own go together', async () => {
    const own = new MemoryStore();
    @Module({
      imports: [RedisLockModule.forRoot({ store: own, isGlobal: false })],
      providers: [{ provide: 'OWN', inject: [LockStore], useFactory: (store: LockStore) => store }],
      exports: ['OWN'],
    })
    class Feature {}
    const { app } = await startApp(rootOf(memory(), memory('billing'), Feature));
    expect(app.get('OWN')).toBe(own);
    expect(app.get(Orders).locks).toBeInstanceOf(LockService);
  });

  it('HTTP statuses are one for the application: a second answer to the question is refused', async () => {
    const asking = (name: string | undefined, busy: number) =>
      RedisLockModule.forRoot({ name, store: new MemoryStore(), httpStatus: { busy } });
    const { app, ask } = await startApp(rootOf(memory(), asking('billing', 409)));
    await using held = await app.get(Orders).locks.acquire('order:1');
    expect(await ask('/here/1')).toMatchObject({ status: 409 });
    expect(held.isHeld()).toBe(true);
    const error = await refusal(rootOf(asking(undefined, 429), asking('billing', 409)));
    expect(error.message).toMatch(
      /httpStatus\.busy is 4\d9 in one lock module and 4\d9 in another/,
    );
  });

  it.each(['', 'default', 42])('a registration by the name of %j is refused', (name) => {
    const forRoot = () => RedisLockModule.forRoot({ name: name as string });
    expect(forRoot).toThrow(
      /the name of a registration is a non-empty string other than "default"/,
    );
    expect(() => InjectLockService(name as string)).toThrow(LockUsageError);
    expect(() => {
      class Bad {
        @Locked('a', { service: name as string })
        async m(): Promise<void> {}
      }
      return Bad;
    }).toThrow(/^Bad\.m: the name of a registration/);
  });

  it('bad defaults are refused when the class is defined', () => {
    const define = (defaults: object, own: object = {}) => {
      @LockDefaults(defaults)
      class Bad {
        @Locked('a', own)
        async m(): Promise<void> {}
      }
      return Bad;
    };
    expect(() => define({ leaseTime: 3 })).toThrow('@LockDefaults on Bad: leaseTime must be');
    expect(() => define({ whenBusy: 'skip' })).toThrow('whenBusy is said at each method');
    expect(() => define({ renew: false }, { maxHoldTime: 50 })).toThrow(
      'Bad.m, with @LockDefaults of its class: renew: false and maxHoldTime 50',
    );
    expect(() => {
      @LockDefaults({})
      class None {}
      return None;
    }).toThrow('@LockDefaults on None: no method of the class has @Locked');
  });

  describe('on Redis', () => {
    let servers: RedisServer[];
    beforeEach(async () => void (servers = await Promise.all([startRedis(), startRedis()])));
    afterEach(() => Promise.all(servers.map((server) => server.stop())));

    it('each locks on its own server', async () => {
      const [first, second] = servers as [RedisServer, RedisServer];
      const root = rootOf(
        RedisLockModule.forRoot({ connection: first.url }),
        RedisLockModule.forRootAsync({
          name: 'billing',
          useFactory: () => ({ connection: second.url }),
        }),
      );
      const { app } = await startApp(root);
      const { locks, billing } = app.get(Orders);
      await using lock = await locks.acquire('order:1');
      await using other = await billing.acquire('order:1');
      expect([lock.isHeld(), other.isHeld()]).toEqual([true, true]);
      const stores = [undefined, 'billing'].map((name) =>
        app.get<LockStore>(getLockStoreToken(name)),
      );
      expect(stores[0]).not.toBe(stores[1]);
    });
  });
});
