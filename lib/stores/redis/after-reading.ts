import type { Clock, Timer } from '../../clock.js';

/** A timer that is so late, in ms, was kept from running by this process itself. */
const LATE = 50;
/** Within this, in ms, what had arrived by then is read. */
const READING = 10;

/**
 * Calls `work` after `delay` ms, to judge what has not arrived by then. When the process was blocked
 * meanwhile, what has arrived is read first: our own pause is nobody's silence.
 */
export function afterReading(clock: Clock, delay: number, work: () => void): Timer {
  const due = clock.mono() + delay;
  let timer = clock.after(
    delay,
    () => {
      if (clock.mono() - due < LATE) work();
      else timer = clock.after(READING, work, true);
    },
    true,
  );
  return { cancel: () => timer.cancel() };
}
