import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  UseInterceptors,
  type CallHandler,
  type DynamicModule,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { from, lastValueFrom, type Observable } from 'rxjs';
import {
  Locked,
  LockService,
  MemoryStore,
  RedisLockModule,
  type TransactionPort,
} from '../../../lib/index.js';
import { takeOne, type Query } from './stock.js';

/** By the names that both libraries have for them. */
export type Propagation = 'REQUIRED' | 'NESTED' | 'REQUIRES_NEW';

/** A library that makes transactions, as an application uses it. */
export interface Library {
  readonly port: TransactionPort;
  readonly transactional: (propagation?: Propagation) => MethodDecorator;
  /** Runs a transaction that a program, not a decorator, begins. */
  readonly transaction: <T>(work: () => Promise<T>) => Promise<T>;
  /** Runs a part of the transaction that can be rolled back by itself. */
  readonly savepoint: <T>(work: () => Promise<T>) => Promise<T>;
  /** Asks the transaction of the running code, or the database where there is none. */
  readonly query: Query;
  readonly imports: DynamicModule[];
}

export type Take = (sku: string, caller?: number) => Promise<unknown>;

/** A small application that takes from stock in every way there is. */
export interface ShopClasses {
  readonly shop: Type<Record<string, Take>>;
  /** @param ports what the lock module is told of transactions */
  root(ports: readonly TransactionPort[]): Type;
}

export function defineShop({ transactional, transaction, query, imports }: Library): ShopClasses {
  const KEY = 'stock:<0>';

  @Injectable()
  class Shelf {
    @Locked(KEY)
    async take(sku: string): Promise<number> {
      return takeOne(query, sku);
    }

    @Locked(KEY, { until: 'handler' })
    async untilHandler(sku: string): Promise<number> {
      return takeOne(query, sku);
    }

    @transactional('NESTED')
    @Locked(KEY)
    async nested(sku: string): Promise<number> {
      return takeOne(query, sku);
    }

    @transactional('REQUIRES_NEW')
    @Locked(KEY)
    async requiresNew(sku: string): Promise<number> {
      return takeOne(query, sku);
    }
  }

  @Injectable()
  class Shop {
    constructor(
      @Inject(Shelf) private readonly shelf: Shelf,
      @Inject(LockService) private readonly locks: LockService,
    ) {}

    @transactional()
    @Locked(KEY)
    async above(sku: string): Promise<number> {
      return takeOne(query, sku);
    }

    @Locked(KEY)
    @transactional()
    async below(sku: string): Promise<number> {
      return takeOne(query, sku);
    }

    @transactional()
    async using(sku: string): Promise<number> {
      return this.locks.using(`stock:${sku}`, () => takeOne(query, sku));
    }

    @transactional()
    async usingSeveral(sku: string): Promise<number> {
      return this.locks.using([`stock:${sku}`, 'prices'], () => takeOne(query, sku));
    }

    @transactional()
    async awaitUsing(sku: string): Promise<number> {
      await using lock = await this.locks.acquire(`stock:${sku}`);
      return await lock.run(() => takeOne(query, sku));
    }

    @transactional()
    async service(sku: string): Promise<number> {
      return this.shelf.take(sku);
    }

    @transactional()
    async nested(sku: string): Promise<number> {
      return this.shelf.nested(sku);
    }

    @transactional()
    async requiresNew(sku: string): Promise<number> {
      return this.shelf.requiresNew(sku);
    }

    @transactional()
    async twice(sku: string): Promise<void> {
      await this.shelf.take(sku);
      await this.shelf.take(sku);
    }

    @transactional()
    async besideEachOther(sku: string): Promise<void> {
      await Promise.all([this.shelf.take(sku), this.shelf.take(sku)]);
    }

    @transactional()
    async rollback(sku: string, caller = 0): Promise<number> {
      const left = await this.shelf.take(sku);
      if (caller % 3 === 0) throw new Error('on purpose');
      return left;
    }
  }

  /** As many write it: begin, handle, commit. */
  @Injectable()
  class Transaction implements NestInterceptor {
    intercept(_: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
      return from(transaction(() => lastValueFrom(next.handle())));
    }
  }

  @Controller()
  @UseInterceptors(Transaction)
  class Routes {
    constructor(@Inject(Shelf) private readonly shelf: Shelf) {}

    @Get('service/:sku')
    async service(@Param('sku') sku: string): Promise<number> {
      return this.shelf.take(sku);
    }

    @Get('until-handler/:sku')
    async untilHandler(@Param('sku') sku: string): Promise<number> {
      return this.shelf.untilHandler(sku);
    }

    @Get('handler/:sku')
    @Locked(KEY)
    async handler(@Param('sku') sku: string): Promise<number> {
      return takeOne(query, sku);
    }
  }

  return {
    shop: Shop as unknown as Type<Record<string, Take>>,
    root(transactions) {
      const locks = RedisLockModule.forRoot({
        store: new MemoryStore(),
        waitTime: 20_000,
        transactions,
      });
      @Module({
        imports: [locks, ...imports],
        providers: [Shelf, Shop],
        controllers: [Routes],
      })
      class Root {}
      return Root;
    },
  };
}
