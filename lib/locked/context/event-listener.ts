import { Logger } from '@nestjs/common';
import { LockError } from '../../lock/lock.errors.js';

/** Where `@OnEvent` writes down that it was here. */
const LISTENER = 'EVENT_LISTENER_METADATA';

const logger = new Logger('Locked');

/** Whether a method listens to `@nestjs/event-emitter`. */
export function isEventListener(method: object): boolean {
  return Reflect.hasMetadata(LISTENER, method);
}

/**
 * Logs what a listener's lock error is about, and gives the error on: Nest logs its message, which is for people
 * outside, and nobody else hears of it.
 * @param where class and method
 */
export function logForListener(error: unknown, where: string): never {
  if (error instanceof LockError)
    logger.error(`the event listener ${where} failed: ${error.detail}`);
  throw error;
}
