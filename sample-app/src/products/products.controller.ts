import { BadRequestException, Body, Controller, Get, HttpCode, Param, Put } from '@nestjs/common';
import { Locked } from 'nest-locked';
import type { Product, Sales } from './product.js';
import { ProductsRepository } from './products.repository.js';

@Controller('products')
export class ProductsController {
  constructor(private readonly products: ProductsRepository) {}

  @Get()
  all(): Promise<Product[]> {
    return this.products.all();
  }

  @Get(':sku')
  one(@Param('sku') sku: string): Promise<Product> {
    return this.products.find(sku);
  }

  @Get(':sku/sales')
  sales(@Param('sku') sku: string): Promise<Sales> {
    return this.products.sales(sku);
  }

  @Put(':sku')
  @HttpCode(204)
  @Locked('stock:<0>')
  async restock(@Param('sku') sku: string, @Body() body: { stock?: unknown }): Promise<void> {
    const { stock } = body;
    if (typeof stock !== 'number' || !Number.isInteger(stock) || stock < 0) {
      throw new BadRequestException('stock must be a whole number, 0 or more');
    }
    await this.products.find(sku);
    await this.products.restock(sku, stock);
  }
}
