import { randomUUID } from 'node:crypto';
import { load, type Library, type LockAdapter } from '../runner/library.js';
import { polling } from './client.js';

interface Service {
  onModuleInit(): Promise<void>;
  acquireLock(key: string, id: string, lease: number, wait?: number): Promise<void>;
  releaseLock(key: string, id: string): Promise<void>;
  readonly redisClient: { disconnect(): Promise<void> };
}

interface Held {
  readonly key: string;
  readonly id: string;
}

export const murlock: Library = {
  name: 'murlock',
  kind: 'peer',
  package: 'murlock',
  asks: 'script',
  variants: [
    { name: 'default', settings: 'wait 1000, maxAttempts 3, as its readme has it' },
    { name: 'tuned', settings: 'wait 5, attempts for the whole wait' },
  ],
  async open(target, variant): Promise<LockAdapter<Held>> {
    const { MurLockService } = await load<{
      MurLockService: new (options: object, storage: object) => Service;
    }>('murlock');
    const tuned = variant === 'tuned';
    const service = new MurLockService(
      {
        redisOptions: { socket: { host: target.host, port: target.port } },
        wait: 1000,
        maxAttempts: tuned ? polling(target).tries : 3,
        // 'none' would log everything; no call of ours is logged at this level.
        logLevel: 'error',
      },
      {},
    );
    await service.onModuleInit();
    return {
      async acquire(key) {
        const id = randomUUID();
        await service.acquireLock(key, id, target.leaseTime, tuned ? 5 : undefined);
        return { key, id };
      },
      release: ({ key, id }) => service.releaseLock(key, id),
      close: () => service.redisClient.disconnect().catch(() => {}),
    };
  },
};
