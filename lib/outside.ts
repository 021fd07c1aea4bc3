import { AsyncResource } from 'node:async_hooks';

/** Made when this file is loaded, in nobody's context. */
const nobody = new AsyncResource('nest-locked');

/**
 * Runs what may call into users' code, such as the abort of a signal, in nobody's context: otherwise
 * it would run in that of whichever caller happened to set the timer or to wake the process, and
 * keep that context from being collected.
 */
export function outside<T>(work: () => T): T {
  return nobody.runInAsyncScope(work);
}

const now = Promise.resolve();

/** Runs `work` soon, in nobody's context. By a promise: the fake timers of tests hold back `queueMicrotask`. */
export function soonOutside(work: () => void): void {
  nobody.runInAsyncScope(() => void now.then(work));
}
