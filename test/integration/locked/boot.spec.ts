import { Controller, Get, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import {
  LockService,
  LockStore,
  Locked,
  MemoryStore,
  REDIS_LOCK_OPTIONS,
  RedisLockModule,
} from '../../../lib/index.js';
import type { RedisLockModuleOptions, ResolvedOptions } from '../../../lib/index.js';
import { freePort, startRedis, type RedisServer } from '../../support/redis-server.js';
import { closeApps, startApp } from '../../support/nest-app.js';

@Injectable()
class Stock {
  @Locked('stock:<0>')
  async take(sku: string): Promise<string> {
    return Promise.resolve(sku);
  }
}

@Controller()
class Home {
  @Get()
  home(): string {
    return 'up';
  }
}

class OptionsFactory {
  createRedisLockOptions(): RedisLockModuleOptions {
    return { store: new MemoryStore(), waitTime: 77 };
  }
}

@Module({
  providers: [OptionsFactory, { provide: 'WAIT', useValue: 77 }],
  exports: [OptionsFactory, 'WAIT'],
})
class ConfigModule {}

const rootOf = (...imports: Parameters<typeof Module>[0]['imports'] & object): Type => {
  @Module({ imports, controllers: [Home], providers: [Stock] })
  class AppModule {}
  return AppModule;
};
const refusal = async (root: Type): Promise<Error> => {
  try {
    const app = await NestFactory.create(root, { logger: false, abortOnError: false });
    await app.close();
  } catch (error) {
    return error as Error;
  }
  throw new Error('the application started');
};

describe('the module', () => {
  afterEach(closeApps);

  it('Never unlocked: without the module the application does not start, and says what to import', async () => {
    const error = await refusal(rootOf());
    expect(error.message).toContain("Nest can't resolve dependencies of the Stock");
    expect(error.message).toContain(
      'the LockService for @Locked: add RedisLockModule.forRoot() to the imports of the root module',
    );
  });

  it('Never unlocked: with Redis down the application starts and serves, and locked methods reject', async () => {
    const port = await freePort();
    const root = rootOf(
      RedisLockModule.forRoot({ connection: `redis://127.0.0.1:${port}`, waitTime: 100 }),
    );
    const { ask, app } = await startApp(root);
    expect(await ask('/')).toMatchObject({ status: 200, body: 'up' });
    await expect(app.get(Stock).take('a')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it.each([
    [
      'useFactory',
      RedisLockModule.forRootAsync({
        imports: [ConfigModule],
        inject: ['WAIT'],
        useFactory: async (waitTime: number) =>
          Promise.resolve({ store: new MemoryStore(), waitTime }),
      }),
    ],
    ['useClass', RedisLockModule.forRootAsync({ useClass: OptionsFactory })],
    [
      'useExisting',
      RedisLockModule.forRootAsync({ imports: [ConfigModule], useExisting: OptionsFactory }),
    ],
  ])('takes its options from %s', async (_, module) => {
    const { app } = await startApp(rootOf(module));
    expect(app.get<ResolvedOptions>(REDIS_LOCK_OPTIONS).waitTime).toBe(77);
    expect(app.get(LockStore)).toBeInstanceOf(MemoryStore);
    expect(await app.get(Stock).take('a')).toBe('a');
  });

  it('refuses a wrong option at boot, by name, in forRoot and in forRootAsync', async () => {
    const wrong = { leaseTime: 3 };
    const now = await refusal(rootOf(RedisLockModule.forRoot(wrong)));
    const later = await refusal(rootOf(RedisLockModule.forRootAsync({ useFactory: () => wrong })));
    expect(now.message).toBe('leaseTime must be a number of ms from 10 to 2147483647, received 3');
    expect(later.message).toBe(now.message);
  });

  it('is global, unless told otherwise', async () => {
    const store = new MemoryStore();
    @Module({ providers: [Stock] })
    class Feature {}
    const local = RedisLockModule.forRoot({ store, isGlobal: false });
    @Module({ imports: [Feature, local] })
    class Broken {}
    expect((await refusal(Broken)).message).toContain('RedisLockModule.forRoot()');
    @Module({ imports: [Feature, RedisLockModule.forRoot({ store })] })
    class Whole {}
    const { app } = await startApp(Whole);
    expect(await app.get(Stock).take('a')).toBe('a');
  });

  it('leaves a store of the application open: the next application can use it', async () => {
    const root = rootOf(RedisLockModule.forRoot({ store: new MemoryStore() }));
    for (const sku of ['a', 'b']) {
      const { app } = await startApp(root);
      expect(await app.get(Stock).take(sku)).toBe(sku);
      await closeApps();
    }
  });

  describe('and Redis', () => {
    let server: RedisServer;
    beforeEach(async () => {
      server = await startRedis();
    });
    afterEach(async () => {
      delete process.env['REDIS_URL'];
      await server.stop();
    });
    const clients = async (redis: Redis) =>
      String(await redis.client('LIST'))
        .trim()
        .split('\n').length;

    it('goes to REDIS_URL when it is told nothing', async () => {
      process.env['REDIS_URL'] = server.url;
      const { app } = await startApp(rootOf(RedisLockModule.forRoot()));
      const admin = new Redis(server.url);
      await app.get(LockService).using('a', async () => {
        expect(await admin.keys('*')).toEqual(['lock:a']);
      });
      await closeApps();
      await until(async () => (await clients(admin)) === 1);
      admin.disconnect();
    });

    it('takes ioredis options and a key prefix', async () => {
      const connection = { host: '127.0.0.1', port: server.port, db: 3 };
      const { app } = await startApp(
        rootOf(RedisLockModule.forRoot({ connection, keyPrefix: 'mine' })),
      );
      const admin = new Redis({ ...connection });
      await app.get(LockService).using('a', async () => {
        expect(await admin.keys('*')).toEqual(['mine:a']);
      });
      admin.disconnect();
    });

    it("uses the application's own client as it is, and never closes it", async () => {
      const own = new Redis(server.url, { keyPrefix: 'app:' });
      const admin = new Redis(server.url);
      const root = rootOf(
        RedisLockModule.forRootAsync({
          imports: [clientModule(own)],
          inject: [Redis],
          useFactory: (connection: Redis) => ({ connection }),
        }),
      );
      const { app } = await startApp(root);
      await app.get(LockService).using('a', async () => {
        expect(await admin.keys('*')).toEqual(['app:lock:a']);
      });
      await closeApps();
      expect(await own.ping()).toBe('PONG');
      own.disconnect();
      admin.disconnect();
    });
  });
});

function clientModule(client: Redis): Type {
  @Module({ providers: [{ provide: Redis, useValue: client }], exports: [Redis] })
  class ClientModule {}
  return ClientModule;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
