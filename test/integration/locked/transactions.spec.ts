import {
  Controller,
  Get,
  Inject,
  Injectable,
  InternalServerErrorException,
  Module,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { catchError, concatMap, defer, from, map, type Observable } from 'rxjs';
import { Locked, MemoryStore, RedisLockModule } from '../../../lib/index.js';
import type {
  Attempt,
  AttemptListener,
  Grant,
  LeaseRequest,
  ReleaseListener,
} from '../../../lib/index.js';
import { closeApps, startApp } from '../../support/nest-app.js';

const log: string[] = [];
const say = (what: string) => {
  log.push(what);
  return Promise.resolve();
};

/** Tells when a lock comes and goes, as the store sees it. */
class TellingStore extends MemoryStore {
  override acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    return super.acquire(request, {
      granted: (grant) => {
        log.push('acquire');
        listener.granted(grant);
      },
      refused: (holders) => {
        listener.refused(holders);
      },
      failed: (error) => {
        listener.failed(error);
      },
    });
  }

  override release(grant: Grant, lastToken: number, listener: ReleaseListener): void {
    // A release takes a while: whoever does not wait for it is found out.
    setImmediate(() => {
      log.push('release');
      super.release(grant, lastToken, listener);
    });
  }
}

/** Begins, and commits or rolls back, each of which takes a while. */
@Injectable()
class Transaction implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return defer(() => say('begin')).pipe(
      concatMap(() => next.handle()),
      concatMap((value: unknown) =>
        defer(() => pause().then(() => say('commit'))).pipe(map(() => value)),
      ),
      catchError((error: unknown) =>
        from(pause().then(() => say('rollback'))).pipe(
          map(() => {
            throw error;
          }),
        ),
      ),
    );
  }
}

const pause = () => new Promise((resolve) => setImmediate(resolve));

async function work(failing: boolean): Promise<string> {
  await say('handler');
  if (failing) throw new InternalServerErrorException('on purpose');
  return 'done';
}

class Routes {
  @Get('good')
  @Locked('order')
  async good(): Promise<string> {
    return work(false);
  }

  @Get('bad')
  @Locked('order')
  async bad(): Promise<string> {
    return work(true);
  }
}

@Controller('plain')
class Plain extends Routes {}

@Controller('controller')
@UseInterceptors(Transaction)
class OnController extends Routes {}

@Controller('method')
class OnMethod {
  @Get('good')
  @UseInterceptors(Transaction)
  @Locked('order')
  async good(): Promise<string> {
    return work(false);
  }

  @Get('bad')
  @Locked('order')
  @UseInterceptors(Transaction)
  async bad(): Promise<string> {
    return work(true);
  }
}

@Injectable()
class Service {
  @Locked('order', { until: 'handler' })
  async take(): Promise<string> {
    return say('service').then(() => 'done');
  }

  @Locked('order')
  async takeShortly(): Promise<string> {
    return say('service').then(() => 'done');
  }
}

@Controller('until')
@UseInterceptors(Transaction)
class Until {
  constructor(@Inject(Service) private readonly service: Service) {}

  @Get('handler')
  async handler(): Promise<string> {
    return this.service.take();
  }

  @Get('twice')
  async twice(): Promise<string> {
    await this.service.take();
    await Promise.all([this.service.takeShortly(), this.service.take()]);
    return 'done';
  }

  @Get('failing')
  async failing(): Promise<string> {
    await this.service.take();
    throw new InternalServerErrorException('on purpose');
  }

  @Get('locked')
  @Locked('order')
  async locked(): Promise<string> {
    return this.service.take();
  }

  @Get('method')
  @Locked('order', { until: 'method' })
  async method(): Promise<string> {
    return work(false);
  }

  @Get('transaction')
  @Locked('order', { until: 'transaction' })
  async transaction(): Promise<string> {
    return work(false);
  }
}

const lockModule = () => RedisLockModule.forRoot({ store: new TellingStore() });

@Module({ imports: [lockModule()], controllers: [Plain, OnController, OnMethod] })
class BareModule {}

@Module({ imports: [lockModule()], controllers: [Until], providers: [Service] })
class UntilModule {}

@Module({
  imports: [lockModule()],
  controllers: [Plain],
  providers: [{ provide: APP_INTERCEPTOR, useClass: Transaction }],
})
class InterceptingModule {}

@Module({
  imports: [InterceptingModule],
  providers: [{ provide: APP_INTERCEPTOR, useClass: Transaction }],
})
class TwiceModule {}

const bindings: [string, string, Type, boolean][] = [
  ['on the method', 'method', BareModule, false],
  ['on the controller', 'controller', BareModule, false],
  ['by useGlobalInterceptors', 'plain', BareModule, true],
  ['as APP_INTERCEPTOR of the root module', 'plain', InterceptingModule, false],
];

describe.each(bindings)('a transaction interceptor bound %s', (_, path, root, global) => {
  const start = () =>
    startApp(root, (app) => {
      if (global) app.useGlobalInterceptors(new Transaction());
    });

  beforeEach(() => {
    log.length = 0;
  });
  afterEach(closeApps);

  it('commits before the lock is released, and the answer comes after both', async () => {
    const { ask } = await start();
    expect(await ask(`/${path}/good`)).toMatchObject({ status: 200, body: 'done' });
    expect(log).toEqual(['begin', 'acquire', 'handler', 'commit', 'release']);
  });

  it('rolls back before the lock is released, and the answer comes after both', async () => {
    const { ask } = await start();
    expect(await ask(`/${path}/bad`)).toMatchObject({
      status: 500,
      body: { message: 'on purpose' },
    });
    expect(log).toEqual(['begin', 'acquire', 'handler', 'rollback', 'release']);
  });
});

describe('two transaction interceptors', () => {
  afterEach(closeApps);

  it('both commit before the lock is released', async () => {
    log.length = 0;
    const { ask } = await startApp(TwiceModule);
    expect((await ask('/plain/good')).status).toBe(200);
    expect(log).toEqual(['begin', 'begin', 'acquire', 'handler', 'commit', 'commit', 'release']);
  });
});

describe('until', () => {
  beforeEach(() => {
    log.length = 0;
  });
  afterEach(closeApps);

  it.each([
    ['handler', "keeps a service's lock", ['begin', 'acquire', 'service', 'commit', 'release']],
    [
      'twice',
      'lets the handler have its key again, one call after the other',
      ['begin', 'acquire', 'service', 'service', 'service', 'commit', 'release'],
    ],
    ['locked', 'goes with a locked handler', ['begin', 'acquire', 'service', 'commit', 'release']],
  ])('handler: %s %s until the interceptors have ended', async (path, _, expected) => {
    const { ask } = await startApp(UntilModule);
    expect(await ask(`/until/${path}`)).toMatchObject({ status: 200, body: 'done' });
    expect(log).toEqual(expected);
  });

  it('handler: keeps the lock until a handler that failed has rolled back', async () => {
    const { ask } = await startApp(UntilModule);
    expect(await ask('/until/failing')).toMatchObject({ status: 500 });
    expect(log).toEqual(['begin', 'acquire', 'service', 'rollback', 'release']);
  });

  it('handler: is refused by name outside of a handler', async () => {
    const { app } = await startApp(UntilModule);
    await expect(app.get(Service).take()).rejects.toThrow(
      `until: 'handler' was asked for "order", and no request handler runs here`,
    );
  });

  it('method: gives the lock of a handler back before its interceptors have ended', async () => {
    const { ask } = await startApp(UntilModule);
    expect(await ask('/until/method')).toMatchObject({ status: 200, body: 'done' });
    expect(log).toEqual(['begin', 'acquire', 'handler', 'release', 'commit']);
  });

  it('transaction: is refused in a handler where the module knows of none', async () => {
    const { ask } = await startApp(UntilModule);
    expect((await ask('/until/transaction')).status).toBe(500);
    expect(log).toEqual(['begin', 'rollback']);
  });
});
