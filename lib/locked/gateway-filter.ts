import 'reflect-metadata';
import type { ModulesContainer } from '@nestjs/core';
import { WsContext } from './context/ws-context.js';
import { LockErrorFilter } from './locked.filter.js';

/** Where `@WebSocketGateway` writes down that it was here. */
const GATEWAY = 'websockets:is_gateway';
/** Where `@UseFilters` on a class writes them down; the last is the first to be asked. */
const FILTERS = '__exceptionFilters__';

const filter = new LockErrorFilter([new WsContext()]);

/**
 * Puts the filter for lock errors on every gateway, to be asked after its own: Nest does not ask global
 * filters about gateways. To be called before Nest connects them.
 */
export function filterGateways(modules: ModulesContainer): void {
  for (const { providers } of modules.values()) {
    for (const { metatype } of providers.values()) {
      if (typeof metatype !== 'function' || !Reflect.hasMetadata(GATEWAY, metatype)) continue;
      const known = (Reflect.getMetadata(FILTERS, metatype) ?? []) as unknown[];
      if (!known.includes(filter)) Reflect.defineMetadata(FILTERS, [filter, ...known], metatype);
    }
  }
}
