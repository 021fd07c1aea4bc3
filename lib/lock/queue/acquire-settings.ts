import { EXCLUSIVE, type LockMode } from '../../stores/lock-mode.js';
import type { Surroundings } from '../kept-locks.js';
import {
  DEFAULT_MAX_HOLD_TIME,
  LOCK_DEFAULTS,
  checkAcquireOptions,
  type AcquireOptions,
} from '../lock-options.js';
import { callerOf, type Caller } from '../caller.js';
import { detailOf } from '../lock.errors.js';
import { modeOf } from '../mode-options.js';
import type { Until } from '../until.js';

/** How a lock is asked for, with all defaults filled in; times in ms. Callers without options share one. */
export interface AcquireSettings {
  readonly mode: LockMode;
  readonly leaseTime: number;
  readonly waitTime: number;
  readonly maxHoldTime: number;
  readonly minHoldTime: number;
  readonly renew: boolean;
  /** Served strictly by arrival, across processes. */
  readonly fair: boolean;
  /** Answer `null` instead of an error when the key is taken. */
  readonly orNull: boolean;
  readonly signal: AbortSignal | undefined;
  readonly until: Until | undefined;
  /** The transactions around the caller, where there are any. */
  readonly surroundings?: Surroundings;
  /** Who asks; undefined where it is not by `@Locked`. */
  readonly caller: Caller | undefined;
  /** What those have in common that are asked for in one go. */
  readonly together?: object;
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
    minHoldTime: 0,
    renew: true,
    fair: options.fair ?? LOCK_DEFAULTS.fair,
    orNull: false,
    signal: undefined,
    until: undefined,
    caller: undefined,
  };
  return {
    handles,
    scopes: { ...handles, maxHoldTime: Infinity },
    tries: { ...handles, waitTime: 0, orNull: true },
  };
}

/** The settings of a caller that has options; each left out, or undefined, is the default. */
export function withOptions(defaults: AcquireSettings, options: AcquireOptions): AcquireSettings {
  checkAcquireOptions(options, defaults.leaseTime);
  const { leaseTime, waitTime, maxHoldTime, minHoldTime, renew, fair } = options;
  return {
    mode: modeOf(options) ?? defaults.mode,
    leaseTime: leaseTime ?? defaults.leaseTime,
    waitTime: waitTime ?? defaults.waitTime,
    maxHoldTime: renew === false ? Infinity : (maxHoldTime ?? defaults.maxHoldTime),
    minHoldTime: minHoldTime ?? defaults.minHoldTime,
    renew: renew ?? defaults.renew,
    fair: fair ?? defaults.fair,
    orNull: defaults.orNull,
    signal: options.signal,
    until: options.until,
    caller: callerOf(options),
  };
}

/** The reason of a signal as a person would put it; a bare `abort()` has none. */
export function abortReason(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  if (typeof reason === 'string') return reason;
  const isBare = reason instanceof DOMException && reason.name === 'AbortError';
  if (isBare || !(reason instanceof Error)) return 'its signal was aborted';
  return detailOf(reason);
}
