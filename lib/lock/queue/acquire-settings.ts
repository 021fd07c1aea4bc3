import { EXCLUSIVE, type LockMode } from '../../stores/lock-mode.js';
import {
  DEFAULT_MAX_HOLD_TIME,
  LOCK_DEFAULTS,
  checkAcquireOptions,
  type AcquireOptions,
} from '../lock-options.js';

/** How a lock is asked for, with all defaults filled in; times in ms. Callers without options share one. */
export interface AcquireSettings {
  readonly mode: LockMode;
  readonly leaseTime: number;
  readonly waitTime: number;
  readonly maxHoldTime: number;
  /** Served strictly by arrival, across processes. */
  readonly fair: boolean;
  /** Answer `null` instead of an error when the key is taken. */
  readonly orNull: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What holds where a caller says nothing else. */
export interface DefaultSettings {
  /** For `acquire`, whose handle may be forgotten. */
  readonly handles: AcquireSettings;
  /** For `using` and `@Locked`, whose end is sure. */
  readonly scopes: AcquireSettings;
  /** For `tryAcquire`. */
  readonly tries: AcquireSettings;
}

export function defaultSettings(options: AcquireOptions): DefaultSettings {
  const handles: AcquireSettings = {
    mode: EXCLUSIVE,
    leaseTime: options.leaseTime ?? LOCK_DEFAULTS.leaseTime,
    waitTime: options.waitTime ?? LOCK_DEFAULTS.waitTime,
    maxHoldTime: DEFAULT_MAX_HOLD_TIME,
    fair: options.fair ?? LOCK_DEFAULTS.fair,
    orNull: false,
    signal: undefined,
  };
  return {
    handles,
    scopes: { ...handles, maxHoldTime: Infinity },
    tries: { ...handles, waitTime: 0, orNull: true },
  };
}

/** The settings of a caller that has options; each left out, or undefined, is the default. */
export function withOptions(defaults: AcquireSettings, options: AcquireOptions): AcquireSettings {
  checkAcquireOptions(options);
  const { leaseTime, waitTime, maxHoldTime, fair, signal } = options;
  return {
    mode: defaults.mode,
    leaseTime: leaseTime ?? defaults.leaseTime,
    waitTime: waitTime ?? defaults.waitTime,
    maxHoldTime: maxHoldTime ?? defaults.maxHoldTime,
    fair: fair ?? defaults.fair,
    orNull: defaults.orNull,
    signal,
  };
}

/** The reason of a signal as a person would put it; a bare `abort()` has none. */
export function abortReason(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  if (typeof reason === 'string') return reason;
  const isBare = reason instanceof DOMException && reason.name === 'AbortError';
  if (isBare || !(reason instanceof Error)) return 'its signal was aborted';
  return reason.message;
}
