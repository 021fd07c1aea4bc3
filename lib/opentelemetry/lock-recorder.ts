import { SpanStatusCode, type Attributes, type Span, type Tracer } from '@opentelemetry/api';
import type { LockEvent } from '../lock/lock-events.js';
import type { LockInstruments } from './instruments.js';

/** How a caller's wait came to its end. */
export type AcquireResult = 'granted' | 'busy' | 'aborted' | 'unavailable' | 'refused';
/** How a hold came to its end. */
export type HoldOutcome = 'released' | 'lost' | 'handed_off';

/** A wait or a hold that has begun. */
interface Begun {
  readonly attributes: Attributes;
  readonly span: Span;
}

/**
 * Turns the events of locks into metrics and spans. Spans have the parent that is active in the caller's
 * context, for that is where events run. Of waits and holds that began before there is nothing.
 */
export class LockRecorder {
  /** By the ids of acquisitions. */
  private readonly waits = new Map<string, Begun>();
  private readonly holds = new Map<string, Begun>();

  constructor(
    private readonly instruments: LockInstruments,
    private readonly tracer: Tracer,
  ) {}

  started(event: LockEvent): void {
    const attributes = attributesOf(event);
    this.instruments.waiting.add(1, attributes);
    this.waits.set(event.id, this.begin('lock acquire', attributes));
  }

  ended(event: LockEvent, result: AcquireResult): void {
    const wait = this.waits.get(event.id);
    if (!wait) return;
    this.waits.delete(event.id);
    const { attributes } = wait;
    const all = { ...attributes, result, ...errorOf(event) };
    this.instruments.waiting.add(-1, attributes);
    this.instruments.acquireDuration.record(seconds(event.waitedMs), all);
    end(wait.span, { result }, event);
    if (result !== 'granted') return;
    this.instruments.held.add(1, attributes);
    this.holds.set(event.id, this.begin('lock hold', attributes));
  }

  holdEnded(event: LockEvent, outcome: HoldOutcome): void {
    const hold = this.holds.get(event.id);
    // Whoever has lost a lock gives it back all the same.
    if (!hold) return;
    this.holds.delete(event.id);
    const { attributes } = hold;
    this.instruments.held.add(-1, attributes);
    const all = { ...attributes, outcome, ...errorOf(event) };
    this.instruments.holdDuration.record(seconds(event.heldMs), all);
    end(hold.span, { outcome }, event);
  }

  lost(event: LockEvent): void {
    this.instruments.lost.add(1, attributesOf(event));
    this.holdEnded(event, 'lost');
  }

  renewed(event: LockEvent): void {
    const attributes = { ...attributesOf(event), ...errorOf(event) };
    this.instruments.renewalDuration.record(seconds(event.tookMs), attributes);
  }

  proceededUnlocked(event: LockEvent): void {
    this.instruments.proceededUnlocked.add(1, attributesOf(event));
  }

  /** Ends what has begun: nobody will be told of its end. */
  stop(): void {
    for (const { span } of [...this.waits.values(), ...this.holds.values()]) span.end();
    for (const { attributes } of this.waits.values()) this.instruments.waiting.add(-1, attributes);
    for (const { attributes } of this.holds.values()) this.instruments.held.add(-1, attributes);
    this.waits.clear();
    this.holds.clear();
  }

  private begin(name: string, attributes: Attributes): Begun {
    return { attributes, span: this.tracer.startSpan(name, { attributes }) };
  }
}

/** Never the key, nor a message that names it: there are as many keys as there are orders. */
function attributesOf({ template, mode, store, registration }: LockEvent): Attributes {
  const always = { mode: mode.kind, store, registration };
  return template === undefined ? always : { template, ...always };
}

function errorOf({ error }: LockEvent): Attributes {
  return error === undefined ? {} : { 'error.type': typeOf(error) };
}

/** The stable code of one of our errors; the name of any other. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : error.name;
}

function end(span: Span, attributes: Attributes, event: LockEvent): void {
  span.setAttributes({ ...attributes, ...errorOf(event) });
  if (event.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function seconds(ms = 0): number {
  return ms / 1_000;
}
