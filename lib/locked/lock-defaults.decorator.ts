import { LockUsageError } from '../lock/lock.errors.js';
import { withdrawService } from './injected-service.js';
import { lockedMethodsOf } from './locked-method.js';
import { checkLockedOptions, type LockedOptions } from './locked.options.js';

/** What the locked methods of a class may have in common. */
export type LockDefaultsOptions = Omit<LockedOptions, 'whenBusy'>;

/**
 * What holds for all `@Locked` methods that are written in a class, where they say nothing else. A method
 * that names `mode`, `limit` or `permits` takes none of the three from here. Methods that it inherits
 * keep what their own class says.
 *
 * @throws LockUsageError at class definition, for a bad option, for one that does not go with what a method
 * says, and where no method is locked
 *
 * @example
 * ```ts
 * @Injectable()
 * @LockDefaults({ service: 'billing', waitTime: 500 })
 * export class Invoices {
 *   @Locked('invoice:<0>')
 *   async pay(id: number) { … }
 *
 *   @Locked('invoice:<0>', { mode: 'shared', waitTime: 2_000 })
 *   async read(id: number) { … }
 * }
 * ```
 */
export function LockDefaults(defaults: LockDefaultsOptions): ClassDecorator {
  return (target) => {
    const where = `@LockDefaults on ${target.name}`;
    if (typeof defaults === 'object' && (defaults as object | null) && 'whenBusy' in defaults) {
      throw new LockUsageError(
        `${where}: whenBusy is said at each method, for it must fit what the method returns`,
      );
    }
    const settings = checkLockedOptions(defaults, where);
    const prototype = target.prototype as object;
    const methods = Reflect.ownKeys(prototype).flatMap((name) => {
      const method: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
      return typeof method === 'function' ? lockedMethodsOf(method) : [];
    });
    if (methods.length === 0) {
      throw new LockUsageError(`${where}: no method of the class has @Locked`);
    }
    const before = new Set(methods.map(({ service }) => service));
    for (const method of methods) method.takeDefaults(settings, prototype);
    for (const service of before) {
      if (!methods.some((method) => method.service === service))
        withdrawService(prototype, service);
    }
  };
}
