import { hostname } from 'node:os';
import { inspect } from 'node:util';
import {
  Injectable,
  type CallHandler,
  type DynamicModule,
  type ExecutionContext,
  type LoggerService,
  type NestInterceptor,
} from '@nestjs/common';
import { mergeMap, type Observable } from 'rxjs';
import {
  LockService,
  RedisLockModule,
  StoreUnavailableError,
  type Lock,
  type RedisLockModuleOptions,
} from '../../../lib/index.js';
import { MoodyStore } from '../../support/moody-store.js';
import { until } from '../../support/until.js';

/** What all handlers lock. */
export const KEY = 'classified:7';

/** Where the locks of a test live, and what its handlers do. */
export class Ground {
  readonly store = new MoodyStore();
  /** Another process, as far as the store can tell. */
  readonly elsewhere = new LockService({ store: this.store, ownsStore: false });
  readonly logger = new Lines();
  /** Whether the key was held when an interceptor inside ours had the result of its handler. */
  readonly heldInside: boolean[] = [];
  runs = 0;

  locks(options: RedisLockModuleOptions = {}): DynamicModule {
    return RedisLockModule.forRoot({ store: this.store, ...options });
  }

  /** For a handler that does its work. */
  async work(): Promise<string> {
    this.runs += 1;
    return Promise.resolve('done');
  }

  /** For a handler that loses its lock, and does its work. */
  async lose(): Promise<string> {
    await this.elsewhere.forceRelease(KEY);
    return this.work();
  }

  /** Somebody else has the key from now on. */
  take(): Promise<Lock> {
    return this.elsewhere.acquire(KEY, { leaseTime: 20_000 });
  }

  /** The store gives no answer from now on, and says a lot about it. */
  fallSilent(): void {
    this.store.failure = new StoreUnavailableError(`${hostname()}:${process.pid} and ${KEY}`);
  }

  /** The store answers with an error from now on, and says a lot about it. */
  refuse(): void {
    this.store.failure = new Error(`NOPERM ${hostname()}:${process.pid} and ${KEY}`);
  }

  async isHeld(): Promise<boolean> {
    return (await this.elsewhere.inspect(KEY)).holders.length > 0;
  }

  /** Resolves when so many wait for the key. */
  waiting(count: number): Promise<void> {
    return until(`${count} waiting`, async () => {
      return (await this.elsewhere.inspect(KEY)).waiting === count;
    });
  }

  isFree(): Promise<void> {
    return until('the key is free', async () => !(await this.isHeld()));
  }
}

export let ground: Ground;

/** For `beforeEach`. */
export function newGround(): void {
  ground = new Ground();
}

/** An interceptor of the application's own, which ends after its handler. */
@Injectable()
export class Watching implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      mergeMap(async (value: unknown) => {
        ground.heldInside.push(await ground.isHeld());
        return value;
      }),
    );
  }
}

/** A logger that keeps what is printed of warnings and errors. */
export class Lines implements LoggerService {
  readonly all: string[] = [];

  log(): void {}

  warn(...parts: unknown[]): void {
    this.add(parts);
  }

  error(...parts: unknown[]): void {
    this.add(parts);
  }

  /** The lines in which the key stands. */
  ofTheKey(): string[] {
    return this.all.filter((line) => line.includes(KEY));
  }

  private add(parts: readonly unknown[]): void {
    this.all.push(parts.map((part) => (typeof part === 'string' ? part : inspect(part))).join(' '));
  }
}

/** What no client may read, as far as it stands in `bytes`. */
export function leaksIn(bytes: string): string[] {
  const secrets = [
    ['the key', /classified/],
    ['the host', new RegExp(`(?<![\\w.-])${hostname().replaceAll('.', '\\.')}(?![\\w-])`)],
    ['the pid', new RegExp(`(?<!\\d)${process.pid}(?!\\d)`)],
    ['the holder', /holder|sinceEpochMs/],
    ['the stack', /"stack|\bat (?:async )?[\w.<>]+ \(|\bat file:|\.[jt]s:\d+/],
  ] as const;
  return secrets.filter(([, secret]) => secret.test(bytes)).map(([name]) => name);
}
