import { Inject } from '@nestjs/common';
import { PROPERTY_DEPS_METADATA } from '@nestjs/common/constants.js';
import type { Using } from './result/result-scope.js';
import { getLockServiceToken } from './service-token.js';

/** Where Nest puts the service of a registration, by its name: one place for all classes. */
const properties = new Map<string | undefined, symbol>();

/** What Nest says at boot when there is no service to put there. */
function describe(name: string | undefined): string {
  const options = name === undefined ? '' : `{ name: ${JSON.stringify(name)}, … }`;
  return `the LockService for @Locked: add RedisLockModule.forRoot(${options}) to the imports of the root module`;
}

/**
 * Has Nest put a lock service into the instances of a class.
 * @param name of its registration; undefined for the one without
 * @returns where it is
 */
export function injectService(target: object, name: string | undefined): symbol {
  const token = getLockServiceToken(name);
  const property = properties.get(name) ?? Symbol(describe(name));
  properties.set(name, property);
  // Once a class, however many of its methods are locked: Nest resolves every entry.
  if (!injections(target).some(({ key }) => key === property)) Inject(token)(target, property);
  return property;
}

/** Nest need not have a service any more that nothing in the class asks, nor in the one it extends. */
export function withdrawService(target: object, property: symbol): void {
  const parent = Object.getPrototypeOf(target) as object | null;
  if (parent && injections(parent).some(({ key }) => key === property)) return;
  const left = injections(target).filter(({ key }) => key !== property);
  Reflect.defineMetadata(PROPERTY_DEPS_METADATA, left, target.constructor);
}

/** The service of an instance that Nest has built. */
export function serviceIn(instance: unknown, property: symbol): Using | undefined {
  return (instance as Partial<Record<symbol, Using>> | undefined)?.[property];
}

/** What Nest is to put into the instances of a class, and into those of the classes it extends. */
function injections({ constructor }: object): readonly { readonly key: unknown }[] {
  const found: unknown = Reflect.getMetadata(PROPERTY_DEPS_METADATA, constructor);
  return (found as { key: unknown }[] | undefined) ?? [];
}
