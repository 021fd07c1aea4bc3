import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Locked, LockService } from 'nest-locked';
import { LockTestingModule, TestingStore } from 'nest-locked/testing';

@Injectable()
class Orders {
  @Locked('order:<0>', { waitTime: 5_000 })
  async pay(id: number): Promise<string> {
    return `paid ${id}`;
  }
}

describe('Orders', () => {
  let module: TestingModule;
  let store: TestingStore;
  beforeEach(async () => {
    module = await Test.createTestingModule({
      imports: [LockTestingModule.forRoot()],
      providers: [Orders],
    }).compile();
    store = module.get(TestingStore);
  });
  afterEach(async () => {
    jest.useRealTimers();
    await module.close();
  });

  it('pays an order that is free', async () => {
    await expect(module.get(Orders).pay(42)).resolves.toBe('paid 42');
    expect(store.held()).toEqual([]);
  });

  it('waits for five seconds, which take no time', async () => {
    jest.useFakeTimers();
    store.busy('order:42');
    const busy = expect(module.get(Orders).pay(42)).rejects.toMatchObject({ code: 'LOCK_BUSY' });
    await jest.advanceTimersByTimeAsync(5_010); // a look takes a turn or two more
    await busy;
  });

  it('keeps its lock for as long as the work takes', async () => {
    jest.useFakeTimers();
    const lock = await module.get(LockService).acquire('order:42', { leaseTime: 1_000 });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(lock.isHeld()).toBe(true);
    await lock.release();
  });
});
