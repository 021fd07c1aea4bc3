import 'reflect-metadata';
import { LockUsageError } from '../lock/lock.errors.js';

/** A method before or after another has taken its place. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * The method that a decorator was put on; anything else is refused by name.
 * @param decorator how it is written, for messages
 * @returns class and method for messages, and the method
 * @throws LockUsageError
 */
export function checkTarget(
  decorator: string,
  target: object,
  property: unknown,
  descriptor: PropertyDescriptor | undefined,
): { where: string; method: Method } {
  const refuse = (what: string): never => {
    throw notForThis(decorator, what);
  };
  if (typeof property === 'object' && property !== null && 'kind' in property) {
    return refuse(
      `a ${String(property.kind)} compiled without "experimentalDecorators": Nest needs that option in tsconfig.json`,
    );
  }
  if (typeof property !== 'string' && typeof property !== 'symbol') {
    return refuse(`the class ${nameOf(target)}`);
  }
  const owner = typeof target === 'function' ? target : target.constructor;
  const where = `${nameOf(owner)}.${String(property)}`;
  if (typeof descriptor === 'number') return refuse(`a parameter of ${where}`);
  if (typeof target === 'function') return refuse(`the static member ${where}`);
  if (!descriptor) return refuse(`the property ${where}`);
  if (descriptor.get ?? descriptor.set) return refuse(`the accessor ${where}`);
  const method: unknown = descriptor.value;
  if (typeof method !== 'function') return refuse(`the property ${where}`);
  return { where, method: method as Method };
}

/** What a decorator says that was put where it cannot be. */
export function notForThis(decorator: string, what: string): LockUsageError {
  return new LockUsageError(`${decorator} is for instance methods, it was put on ${what}`);
}

/** Of what kind a function is: `Function`, `AsyncFunction`, `GeneratorFunction`, `AsyncGeneratorFunction`. */
export function tagOf(method: object): string {
  return Object.prototype.toString.call(method).slice('[object '.length, -1);
}

/** Whether a method is declared to return an Observable, as far as it is known at run time. */
export function returnsObservable(target: object, property: string | symbol): boolean {
  const returned: unknown = Reflect.getMetadata('design:returntype', target, property);
  if (typeof returned !== 'function') return false;
  // By its shape: an application may have more than one rxjs.
  const { prototype } = returned as { prototype?: { subscribe?: unknown; pipe?: unknown } };
  return typeof prototype?.subscribe === 'function' && 'pipe' in prototype;
}

/** Other decorators have left their marks on a method, and Nest reads them from its replacement. */
export function copyOwn(from: Method, to: Method): void {
  for (const name of Reflect.ownKeys(from)) {
    if (name === 'prototype') continue;
    const property = Object.getOwnPropertyDescriptor(from, name);
    if (property) Object.defineProperty(to, name, property);
  }
  for (const key of Reflect.getOwnMetadataKeys(from) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, from), to);
  }
}

function nameOf(owner: object): string {
  return 'name' in owner && owner.name !== '' ? String(owner.name) : 'an unnamed class';
}
