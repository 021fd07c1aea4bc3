import { Processor, WorkerHost, BullModule, getQueueToken } from '@nestjs/bullmq';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DelayedError, QueueEvents, type Job, type Queue } from 'bullmq';
import { Locked, type LockBusyError } from '../../../lib/index.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { told } from './contract.js';
import { KEY, ground, leaksIn, newGround } from './ground.js';

/** How long a job of the test waits for its next try, in ms. */
const PAUSE = 30;

@Processor('plain')
class PlainWorker extends WorkerHost {
  @Locked(KEY, { waitTime: 0 })
  async process(job: Job): Promise<string> {
    ground.heldInside.push(await ground.isHeld());
    return job.name === 'loses' ? ground.lose() : ground.work();
  }
}

@Processor('patient')
class PatientWorker extends WorkerHost {
  @Locked(KEY, {
    waitTime: 0,
    whenBusy: async (_: LockBusyError, job: Job, token?: string): Promise<never> => {
      await job.moveToDelayed(Date.now() + PAUSE, token);
      throw new DelayedError();
    },
  })
  async process(_job: Job, _token?: string): Promise<string> {
    return ground.work();
  }
}

describe('locks and lock errors of jobs of @nestjs/bullmq', () => {
  let server: RedisServer;
  let app: INestApplicationContext;
  let events: Record<'plain' | 'patient', QueueEvents>;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    newGround();
    const connection = { host: '127.0.0.1', port: server.port };
    @Module({
      imports: [
        ground.locks(),
        BullModule.forRoot({ connection }),
        BullModule.registerQueue({ name: 'plain' }, { name: 'patient' }),
      ],
      providers: [PlainWorker, PatientWorker],
    })
    class App {}
    app = await NestFactory.createApplicationContext(App, { logger: ground.logger });
    events = {
      plain: new QueueEvents('plain', { connection }),
      patient: new QueueEvents('patient', { connection }),
    };
    await Promise.all([events.plain.waitUntilReady(), events.patient.waitUntilReady()]);
  });
  afterEach(async () => {
    await Promise.all([events.plain.close(), events.patient.close()]);
    await app.close();
  });

  const queue = (name: string): Queue => app.get<Queue>(getQueueToken(name));
  const failure = (job: Job): Promise<unknown> =>
    job.waitUntilFinished(events.plain).then(
      () => 'done',
      (error: unknown) => (error as Error).message,
    );

  it('a job runs inside its lock, which is given back', async () => {
    const job = await queue('plain').add('works', {});
    expect(await job.waitUntilFinished(events.plain)).toBe('done');
    expect(ground.heldInside).toEqual([true]);
    await ground.isFree();
  });

  it('a job that did not get its lock has failed, in words that tell nothing of key, holder, host or pid', async () => {
    await using lock = await ground.take();
    expect(lock.isHeld()).toBe(true);
    const job = await queue('plain').add('works', {});
    expect(await failure(job)).toBe(told('LOCK_BUSY').message);
    const failed = await queue('plain').getJob(job.id!);
    expect(leaksIn(failed!.failedReason)).toEqual([]);
    expect(ground.runs).toBe(0);
  });

  it('a job that lost its lock, or met an outage, has failed', async () => {
    expect(await failure(await queue('plain').add('loses', {}))).toBe(told('LOCK_LOST').message);
    ground.fallSilent();
    const job = await queue('plain').add('works', {});
    expect(await failure(job)).toBe(told('LOCK_UNAVAILABLE').message);
    expect(ground.runs).toBe(1);
  });

  it('a job whose lock is busy is moved to later by whenBusy, and costs no attempt', async () => {
    const lock = await ground.take();
    const job = await queue('patient').add('works', {});
    const delayed = new Promise((resolve) => events.patient.once('delayed', resolve));
    await delayed;
    await lock.release();
    expect(await job.waitUntilFinished(events.patient)).toBe('done');
    expect(ground.runs).toBe(1);
    const done = await queue('patient').getJob(job.id!);
    expect(done!.attemptsMade).toBe(1);
  });
});
