import 'reflect-metadata';
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';

import {
  LeaderElection,
  LeaderElectionModule,
  LeaderOnly,
  RedisLockModule,
  currentTerm,
} from '../../../../lib/index.js';
import { childConfig, tellParent } from '../../../support/child.js';

export interface ScheduledConfig {
  readonly url: string;
  readonly leaseTime: number;
}

export type ScheduledReport =
  | { readonly kind: 'ready' | 'gained' | 'lost' }
  /** A tick of the schedule, in whole seconds since the epoch, and who did its work. */
  | { readonly kind: 'tick' | 'job'; readonly second: number; readonly token?: number };

const { url, leaseTime } = childConfig() as ScheduledConfig;
const tell = (report: ScheduledReport): void => void tellParent(report).catch(() => undefined);
// A timer may be early by a little, and late by more.
const thisSecond = (): number => Math.floor((Date.now() + 50) / 1_000);

/** One instance of an application with a job for every second, as a user would write it. */
@Injectable()
class Reports {
  @Cron('* * * * * *')
  tick(): void {
    tell({ kind: 'tick', second: thisSecond() });
  }

  @Cron('* * * * * *')
  @LeaderOnly()
  async everySecond(): Promise<void> {
    const { token } = currentTerm();
    tell({ kind: 'job', second: thisSecond(), token });
    return Promise.resolve();
  }
}

@Injectable()
class Watch {
  constructor(@Inject(LeaderElection) election: LeaderElection) {
    election.on('gained', () => tell({ kind: 'gained' }));
    election.on('lost', () => tell({ kind: 'lost' }));
  }
}

@Module({
  imports: [
    RedisLockModule.forRoot({ connection: url }),
    ScheduleModule.forRoot(),
    LeaderElectionModule.register({ key: 'scheduler', leaseTime }),
  ],
  providers: [Reports, Watch],
})
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
tell({ kind: 'ready' });
