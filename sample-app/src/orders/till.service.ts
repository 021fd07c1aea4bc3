import { setTimeout as work } from 'node:timers/promises';
import { ConflictException, Injectable } from '@nestjs/common';
import type { Mode, Product } from '../products/product.js';
import { ProductsRepository } from '../products/products.repository.js';

export interface Receipt {
  readonly sku: string;
  readonly left: number;
}

/**
 * Sells one piece: read the stock, work, write it back. It is the same for every mode, and right
 * only when nobody else does it at the same time; to see to that is the caller's business.
 */
@Injectable()
export class TillService {
  constructor(private readonly products: ProductsRepository) {}

  async sell(sku: string, mode: Mode, fence: number | null = null): Promise<Receipt> {
    const startedAt = Date.now();
    const { stock, workMs } = await this.look(sku, fence);
    if (stock < 1) throw new ConflictException(`${sku} is sold out`);
    await work(workMs);
    const left = stock - 1;
    const written = await this.products.record({ sku, left, mode, fence, startedAt });
    if (!written) throw new Error(`A newer holder has taken over ${sku}`);
    return { sku, left };
  }

  /** What is written follows from what is read: with a token, reading already shuts out the older. */
  private async look(sku: string, fence: number | null): Promise<Product> {
    const product = await this.products.find(sku);
    if (fence === null) return product;
    const claimed = await this.products.claim(sku, fence);
    if (!claimed) throw new Error(`A newer holder has taken over ${sku}`);
    return claimed;
  }
}
