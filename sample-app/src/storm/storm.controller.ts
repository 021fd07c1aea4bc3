import { BadRequestException, Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { MODES } from '../products/product.js';
import { SHOP_CONFIG, type ShopConfig } from '../shop.config.js';
import type { About } from './storm.about.js';
import { PLANS } from './storm.plans.js';
import { StormService, type StormProgress } from './storm.service.js';
import type { StormResult } from './storm.js';

@Controller('storms')
export class StormController {
  constructor(
    private readonly storms: StormService,
    @Inject(SHOP_CONFIG) private readonly config: ShopConfig,
  ) {}

  @Get()
  about(): About {
    const { instances, redisUrl } = this.config;
    return {
      instances,
      store: redisUrl ? 'redis' : 'memory',
      plans: PLANS,
      modes: redisUrl ? MODES : MODES.filter((mode) => mode !== 'naive'),
    };
  }

  @Get('current')
  current(): { storm: StormProgress | null } {
    return { storm: this.storms.current };
  }

  @Post()
  @HttpCode(200)
  run(@Body() body: { plan?: unknown; mode?: unknown }): Promise<StormResult> {
    const plan = PLANS.find(({ name }) => name === body.plan);
    const mode = MODES.find((name) => name === body.mode);
    if (!plan || !mode) {
      throw new BadRequestException(
        `plan must be one of ${PLANS.map(({ name }) => name).join(', ')}; mode one of ${MODES.join(', ')}`,
      );
    }
    return this.storms.run(plan, mode);
  }
}
