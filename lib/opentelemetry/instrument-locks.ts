import { subscribe, unsubscribe, type ChannelListener } from 'node:diagnostics_channel';
import { metrics, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api';
import { lockEvents, type LockEvent } from '../lock/lock-events.js';
import { LockInstruments } from './instruments.js';
import { LockRecorder } from './lock-recorder.js';

/** What `instrumentLocks` may be told. */
export interface LockInstrumentationOptions {
  /** Where the metrics go. @default the global one, as it is at the time of the call */
  readonly meterProvider?: MeterProvider | undefined;
  /** Where the spans go. @default the global one */
  readonly tracerProvider?: TracerProvider | undefined;
}

const NAME = 'nest-locked';

/**
 * Measures all locks of this process, of every registration, from now on: metrics
 * `nest_locked.acquire.duration`, `nest_locked.hold.duration`, `nest_locked.renewal.duration` (histograms, in
 * seconds), `nest_locked.held`, `nest_locked.waiting` (up-down counters), `nest_locked.lost`,
 * `nest_locked.proceeded_unlocked` (counters), and spans `lock acquire` and `lock hold` in the context of
 * the caller. Call it once, after the SDK has been started: metrics of a provider that comes later are not seen.
 *
 * @returns what ends it
 *
 * @example
 * ```ts
 * import { NodeSDK } from '@opentelemetry/sdk-node';
 * import { instrumentLocks } from 'nest-locked/opentelemetry';
 *
 * new NodeSDK().start();
 * instrumentLocks();
 * ```
 */
export function instrumentLocks(options: LockInstrumentationOptions = {}): () => void {
  const { meterProvider = metrics, tracerProvider = trace } = options;
  const instruments = new LockInstruments(meterProvider.getMeter(NAME));
  const recorder = new LockRecorder(instruments, tracerProvider.getTracer(NAME));
  const listeners = listenersOf(recorder);
  for (const [channel, listener] of listeners) subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener);
    recorder.stop();
  };
}

function listenersOf(recorder: LockRecorder): [string | symbol, ChannelListener][] {
  const on: [{ readonly name: string | symbol }, (event: LockEvent) => void][] = [
    [lockEvents.start, (event) => recorder.started(event)],
    [lockEvents.granted, (event) => recorder.ended(event, 'granted')],
    [lockEvents.busy, (event) => recorder.ended(event, 'busy')],
    [lockEvents.aborted, (event) => recorder.ended(event, 'aborted')],
    [lockEvents.unavailable, (event) => recorder.ended(event, 'unavailable')],
    [lockEvents.refused, (event) => recorder.ended(event, 'refused')],
    [lockEvents.release, (event) => recorder.holdEnded(event, 'released')],
    [lockEvents.handedOff, (event) => recorder.holdEnded(event, 'handed_off')],
    [lockEvents.lost, (event) => recorder.lost(event)],
    [lockEvents.renew, (event) => recorder.renewed(event)],
    [lockEvents.renewFailed, (event) => recorder.renewed(event)],
    [lockEvents.proceedUnlocked, (event) => recorder.proceededUnlocked(event)],
  ];
  return on.map(([{ name }, listen]) => [name, (event) => listen(event as LockEvent)]);
}
