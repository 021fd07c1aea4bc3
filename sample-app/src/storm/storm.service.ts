import { Inject, Injectable } from '@nestjs/common';
import { Locked } from 'nest-locked';
import type { Mode } from '../products/product.js';
import { SHOP_CONFIG, type ShopConfig } from '../shop.config.js';
import { runStorm, type StormResult } from './storm.js';
import type { StormPlan } from './storm.plans.js';

export interface StormProgress {
  readonly plan: string;
  readonly mode: Mode;
  readonly sku: string;
  readonly orders: number;
  readonly answered: number;
}

@Injectable()
export class StormService {
  /** The storm that this instance is firing. */
  current: StormProgress | null = null;

  constructor(@Inject(SHOP_CONFIG) private readonly config: ShopConfig) {}

  /** One storm at a time, whichever instance fires it: a second one would sell the first one's stock. */
  @Locked('storm', { waitTime: 0 })
  async run(plan: StormPlan, mode: Mode): Promise<StormResult> {
    const started = { plan: plan.name, mode, sku: plan.sku, orders: plan.orders };
    this.current = { ...started, answered: 0 };
    try {
      return await runStorm(this.config.instances, plan, mode, (answered) => {
        this.current = { ...started, answered };
      });
    } finally {
      this.current = null;
    }
  }
}
