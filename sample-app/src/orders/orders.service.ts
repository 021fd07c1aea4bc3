import { Injectable } from '@nestjs/common';
import { currentLock, Locked } from 'nest-locked';
import { TillService, type Receipt } from './till.service.js';

@Injectable()
export class OrdersService {
  constructor(private readonly till: TillService) {}

  /** Locked for whoever calls it; called from the controller it is inside that lock already. */
  @Locked('stock:<0>')
  place(sku: string): Promise<Receipt> {
    return this.till.sell(sku, 'locked', currentLock().token);
  }
}
