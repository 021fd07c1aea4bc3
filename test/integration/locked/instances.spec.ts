import { Controller, Get, Injectable, Module, Param, Scope } from '@nestjs/common';
import {
  LockBusyError,
  LockService,
  LockUsageError,
  Locked,
  MemoryStore,
  RedisLockModule,
  currentLock,
  type Lock,
} from '../../../lib/index.js';
import { Gate, Stage } from '../../support/gate.js';
import { closeApps, startApp } from '../../support/nest-app.js';

let stage: Stage;

/** The lock that the running code stands in; none outside of all. */
function locksHere(): Lock[] {
  try {
    return [currentLock()];
  } catch {
    return [];
  }
}

@Injectable()
class Base {
  inside: string[] = [];
  readonly prefix: string = 'base';

  @Locked('order:<0>', { waitTime: 0 })
  async take(id: string): Promise<string> {
    this.inside.push(id);
    await stage.pause();
    return `${this.prefix} ${id}`;
  }

  @Locked('own:<0>')
  async own(id: string): Promise<string> {
    return `${this.prefix} ${currentLock().key} ${id}`;
  }

  @Locked(function (this: Base, id: string) {
    return `${this.prefix}:${id}`;
  })
  async byInstance(id: string): Promise<string> {
    return `${id} ${currentLock().key}`;
  }

  @Locked(['from:<0>', 'to:<1>'])
  async move(from: string, to: string): Promise<string[]> {
    return [currentLock(`from:${from}`).key, currentLock(`to:${to}`).key];
  }

  @Locked('skip:<0>', { waitTime: 0, whenBusy: 'skip' })
  async skip(id: string): Promise<string | undefined> {
    await this.nested(id);
    return 'ran';
  }

  @Locked('deep:<0>', { waitTime: 50, whenBusy: ({ reason }) => reason })
  async deep(id: string): Promise<string> {
    return id;
  }

  @Locked('nested:<0>', { waitTime: 0 })
  async nested(id: string): Promise<string> {
    return id;
  }

  @Locked('skip:<0>', {
    waitTime: 0,
    whenBusy(error: LockBusyError, id: string) {
      return `${error.code} ${id}`;
    },
  })
  async instead(id: string): Promise<string> {
    return id;
  }

  @Locked((id: string) => (id.startsWith('draft') ? undefined : `skip:${id}`))
  async mayNeedNone(id: string): Promise<Lock | undefined> {
    if (id === 'draft-bad') throw new Error(id);
    return locksHere()[0];
  }

  @Locked('skip:<0>', { waitTime: 0 })
  async refuse(id: string): Promise<string> {
    return id;
  }
}

@Injectable()
class Inheriting extends Base {
  override readonly prefix = 'inheriting';
}

@Injectable()
class Overriding extends Base {
  override readonly prefix = 'overriding';

  @Locked('other:<0>')
  override async own(id: string): Promise<string> {
    return `${currentLock().key} > ${await super.own(id)}`;
  }
}

@Injectable()
class Unlocking extends Base {
  override async own(id: string): Promise<string> {
    return Promise.resolve(`unlocked ${id}`);
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  static count = 0;
  readonly created = PerRequest.count++;

  @Locked('request:<0>')
  async take(id: string): Promise<string> {
    return `${this.created} ${id} ${currentLock().key}`;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient extends Base {}

@Controller({ path: 'requests', scope: Scope.REQUEST })
class Requests {
  constructor(private readonly service: PerRequest) {}

  @Get(':id')
  @Locked('handler:<0>')
  async take(@Param('id') id: string): Promise<string> {
    return `${currentLock().key} ${await this.service.take(id)}`;
  }

  @Get('draft/:id')
  @Locked((id: string) => (id === '1' ? undefined : `draft:${id}`))
  async draft(@Param('id') _: string): Promise<number> {
    return locksHere().length;
  }
}

describe('instances of a locked class', () => {
  async function start() {
    @Module({
      imports: [RedisLockModule.forRoot({ store: new MemoryStore() })],
      controllers: [Requests],
      providers: [Base, Inheriting, Overriding, Unlocking, PerRequest, Transient],
    })
    class AppModule {}
    const { app, ask } = await startApp(AppModule);
    return { app, ask, locks: app.get(LockService), base: app.get(Base) };
  }

  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(closeApps);

  it('Exclusion: two calls on one instance at once exclude each other on one key, not on two', async () => {
    const { base } = await start();
    const first = base.take('1');
    await stage.entered;
    await expect(base.take('1')).rejects.toBeInstanceOf(LockBusyError);
    const other = base.take('2');
    stage.goOn();
    expect(await Promise.all([first, other])).toEqual(['base 1', 'base 2']);
    expect(base.inside).toEqual(['1', '2']);
    expect(await base.take('1')).toBe('base 1');
  });

  it('an inherited method is locked, with the class of its instance', async () => {
    const { app, base } = await start();
    const inheriting = app.get(Inheriting);
    expect(await inheriting.own('1')).toBe('inheriting own:1 1');
    expect(await inheriting.byInstance('1')).toBe('1 inheriting:1');
    const first = inheriting.take('1');
    await stage.entered;
    await expect(base.take('1')).rejects.toBeInstanceOf(LockBusyError);
    stage.goOn();
    expect(await first).toBe('inheriting 1');
  });

  it('an overriding method has its own lock, and that of super inside it', async () => {
    const { app } = await start();
    expect(await app.get(Overriding).own('1')).toBe('other:1 > overriding own:1 1');
    expect(await app.get(Unlocking).own('1')).toBe('unlocked 1');
  });

  it('request-scoped and transient classes are locked', async () => {
    const { app, ask } = await start();
    expect((await ask('/requests/7')).body).toBe('handler:7 0 7 request:7');
    expect((await ask('/requests/7')).body).toBe('handler:7 1 7 request:7');
    const one = await app.resolve(Transient);
    const other = await app.resolve(Transient);
    expect(one).not.toBe(other);
    const first = one.take('1');
    await stage.entered;
    await expect(other.take('1')).rejects.toBeInstanceOf(LockBusyError);
    stage.goOn();
    await first;
  });

  it('Never unlocked: an instance that Nest did not build does not run its method', async () => {
    const instance = new Base();
    await expect(instance.take('1')).rejects.toBeInstanceOf(LockUsageError);
    await expect(instance.take('1')).rejects.toThrow(
      /^Base\.take was called on an object that Nest did not build/,
    );
    // eslint-disable-next-line @typescript-eslint/unbound-method -- that is the case under test
    const { take } = instance;
    await expect(Reflect.apply(take, undefined, ['1'])).rejects.toBeInstanceOf(LockUsageError);
    expect(instance.inside).toEqual([]);
  });

  it('several keys are all held', async () => {
    const { base, locks } = await start();
    expect(await base.move('a', 'b')).toEqual(['from:a', 'to:b']);
    await using lock = await locks.acquire('to:b');
    expect(lock.isHeld()).toBe(true);
    expect((await locks.inspect('from:a')).holders).toEqual([]);
  });

  it('skipping skips only its own contention', async () => {
    const { base, locks } = await start();
    const own = await locks.acquire('skip:1');
    expect(await base.skip('1')).toBeUndefined();
    expect(await base.instead('1')).toBe('LOCK_BUSY 1');
    await expect(base.refuse('1')).rejects.toMatchObject({ code: 'LOCK_BUSY', key: 'skip:1' });
    await own.release();

    await using nested = await locks.acquire('nested:1');
    expect(nested.isHeld()).toBe(true);
    await expect(base.skip('1')).rejects.toMatchObject({ code: 'LOCK_BUSY', key: 'nested:1' });
    expect(await base.skip('2')).toBe('ran');
  });

  it('a call whose key function gives undefined runs without a lock, waits for none and holds none', async () => {
    const { base, locks, ask } = await start();
    await using held = await locks.acquire('skip:1');
    expect(await base.mayNeedNone('draft-1')).toBeUndefined();
    await expect(base.mayNeedNone('draft-bad')).rejects.toThrow('draft-bad');
    const inside = await base.mayNeedNone('2');
    expect(inside).toMatchObject({ key: 'skip:2', ended: true });
    expect((await ask('/requests/draft/1')).body).toBe('0');
    expect((await ask('/requests/draft/2')).body).toBe('1');
    await held.release();
    expect((await locks.list()).locks).toEqual([]);
  });

  it('a deadlock is a kind of busy: whenBusy applies to it', async () => {
    const { base, locks } = await start();
    const [holdsDeep, holdsOther] = [new Gate(), new Gate()];
    const first = locks.using('deep:1', async () => {
      holdsDeep.open();
      await holdsOther.opened;
      return locks.using('other', { waitTime: Infinity }, () => 'both');
    });
    const second = locks.using('other', async () => {
      holdsOther.open();
      await holdsDeep.opened;
      return base.deep('1');
    });
    expect(await second).toBe('deadlock');
    expect(await first).toBe('both');
  });
});
