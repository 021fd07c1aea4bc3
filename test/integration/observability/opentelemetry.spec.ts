import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Controller, Get, Module, Param } from '@nestjs/common';

import { Locked, LockService, RedisLockModule } from '../../../lib/index.js';
import { instrumentLocks } from '../../../lib/opentelemetry/index.js';
import { closeApps, startApp, type RunningApp } from '../../support/nest-app.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';

let server: RedisServer;

@Controller('orders')
class OrdersController {
  constructor(private readonly locks: LockService) {}

  @Get(':id')
  @Locked('order:<0>', { waitTime: 20 })
  async pay(@Param('id') id: string): Promise<string> {
    await sleep(5);
    return id;
  }

  @Get(':id/read')
  @Locked('order:<0>', { mode: 'shared' })
  async read(@Param('id') id: string): Promise<string> {
    return id;
  }

  /** Long enough to be renewed, and to be taken away. */
  @Get(':id/long')
  @Locked('long:<0>', { leaseTime: 60 })
  async long(@Param('id') id: string): Promise<string> {
    await sleep(100);
    if (id === 'lost') await this.locks.forceRelease('long:lost');
    await sleep(100);
    return id;
  }

  @Get(':id/anyway')
  @Locked('any:<0>', { waitTime: 20, whenUnavailable: 'proceed' })
  async anyway(@Param('id') id: string): Promise<string> {
    return id;
  }
}

describe('nest-locked/opentelemetry, with the SDK of OpenTelemetry', () => {
  let running: RunningApp;
  let stop: () => void;
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [prometheus] });
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(spans)],
  });
  const contexts = new AsyncLocalStorageContextManager();

  beforeAll(async () => {
    context.setGlobalContextManager(contexts.enable());
    server = await startRedis();
    stop = instrumentLocks({ meterProvider, tracerProvider });
    @Module({
      imports: [RedisLockModule.forRoot({ connection: server.url, unavailableAfter: 100 })],
      controllers: [OrdersController],
    })
    class AppModule {}
    running = await startApp(AppModule);
    const { ask } = running;
    // Some wait, some in vain, some are too many.
    await Promise.all(Array.from({ length: 12 }, () => ask('/orders/1')));
    await Promise.all([ask('/orders/1/read'), ask('/orders/2/read')]);
    await Promise.all([ask('/orders/kept/long'), ask('/orders/lost/long')]);
    server.pause();
    expect((await ask('/orders/1')).status).toBe(503);
    expect((await ask('/orders/1/anyway')).status).toBe(200);
    server.resume();
    await until('back', async () => (await ask('/orders/3')).status === 200);
  }, 60_000);
  afterAll(async () => {
    stop();
    await closeApps();
    contexts.disable();
    context.disable();
    await Promise.all([meterProvider.shutdown(), tracerProvider.shutdown()]);
    await server.stop();
  });

  /** As Prometheus would scrape it. */
  const scrape = async (): Promise<string> => {
    const { resourceMetrics } = await prometheus.collect();
    return new PrometheusSerializer().serialize(resourceMetrics);
  };
  /** The lines of one metric: its labels, and its value. */
  const read = async (
    name: string,
  ): Promise<{ labels: Record<string, string>; value: number }[]> => {
    const lines = (await scrape()).split('\n').filter((text) => text.startsWith(`${name}{`));
    return lines.map((text) => {
      const [, labels = '', value] = /^[^{]*\{(.*)\} (\S+)/.exec(text) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, word]) => [key, word]);
      return { labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
    });
  };
  const always = { store: 'redis', registration: 'default' };
  const orders = { ...always, template: 'order:<0>', mode: 'exclusive' };

  it('counts each wait by how it ended, with error.type only where it failed', async () => {
    const waits = await read('nest_locked_acquire_duration_count');
    expect(waits).toContainEqual({
      labels: expect.objectContaining({ ...orders, result: 'granted' }) as object,
      value: expect.any(Number) as number,
    });
    const ofOrders = waits.filter(
      ({ labels }) => labels.template === 'order:<0>' && labels.mode === 'exclusive',
    );
    expect(ofOrders.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThanOrEqual(14);
    for (const { labels } of waits) {
      const isGranted = labels.result === 'granted';
      expect([labels.result, labels.error_type !== undefined]).toEqual([labels.result, !isGranted]);
    }
    const types = new Set(waits.map(({ labels }) => labels.error_type));
    expect(types).toEqual(new Set([undefined, 'LOCK_BUSY', 'LOCK_UNAVAILABLE']));
  });

  it('times holds and renewals, and counts losses and work without its lock', async () => {
    const holds = await read('nest_locked_hold_duration_count');
    expect(new Set(holds.map(({ labels }) => labels.outcome))).toEqual(
      new Set(['released', 'lost']),
    );
    const long = holds.find(
      ({ labels }) => labels.template === 'long:<0>' && labels.outcome === 'released',
    );
    expect(long?.value).toBe(1);
    const sums = await read('nest_locked_hold_duration_sum');
    const sum = sums.find(
      ({ labels }) => labels.template === 'long:<0>' && labels.outcome === 'released',
    );
    // In seconds.
    expect(sum?.value).toBeGreaterThan(0.19);
    expect(sum?.value).toBeLessThan(5);
    const renewals = await read('nest_locked_renewal_duration_count');
    expect(renewals[0]?.labels).toMatchObject({ ...always, template: 'long:<0>' });
    expect(await read('nest_locked_lost_total')).toMatchObject([
      { labels: { ...always, template: 'long:<0>', mode: 'exclusive' }, value: 1 },
    ]);
    expect(await read('nest_locked_proceeded_unlocked_total')).toMatchObject([
      { labels: { ...always, template: 'any:<0>' }, value: 1 },
    ]);
  });

  it('nothing is held and nobody waits when all is over', async () => {
    for (const name of ['nest_locked_held', 'nest_locked_waiting']) {
      const found = await read(name);
      expect(found.length).toBeGreaterThan(0);
      expect([name, found.filter(({ value }) => value !== 0)]).toEqual([name, []]);
    }
  });

  it('No secret: no key is in what is exported', async () => {
    expect(await scrape()).not.toMatch(/order:[0-9]|long:(kept|lost)|any:1/);
    for (const { attributes, events, status } of spans.getFinishedSpans()) {
      expect(JSON.stringify([attributes, events, status])).not.toMatch(
        /order:[0-9]|long:(kept|lost)/,
      );
    }
  });

  it('Own context: spans have the parent that is active where the caller asks', async () => {
    const locks = running.app.get(LockService);
    const tracer = tracerProvider.getTracer('test');
    spans.reset();
    const parents = await Promise.all(
      ['first', 'second', 'third'].map(async (name) => {
        const parent = tracer.startSpan(name);
        await context.with(trace.setSpan(context.active(), parent), () =>
          locks.using('order:7', () => sleep(2)),
        );
        parent.end();
        return parent.spanContext();
      }),
    );
    const finished = spans.getFinishedSpans();
    for (const { spanId, traceId } of parents) {
      const own = finished.filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId);
      expect(own.map(({ name }) => name)).toEqual(['lock acquire', 'lock hold']);
      expect(own.map((one) => one.spanContext().traceId)).toEqual([traceId, traceId]);
      expect(own[0]?.attributes).toEqual({ ...always, mode: 'exclusive', result: 'granted' });
      expect(own[1]?.attributes).toEqual({ ...always, mode: 'exclusive', outcome: 'released' });
    }
  });

  it('docs/observability/dashboard.json asks for metrics and labels that exist', async () => {
    const text = readFileSync(
      join(__dirname, '../../../docs/observability/dashboard.json'),
      'utf8',
    );
    const { panels } = JSON.parse(text) as { panels: { targets?: { expr: string }[] }[] };
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThanOrEqual(8);
    const asked = new Set<string>();
    const names = new Set(
      [...(await scrape()).matchAll(/^(nest_locked_\w+)\{/gm)].map(([, name]) => name),
    );
    for (const query of queries) {
      // With and without its unit: as the collector and Prometheus itself name it, and as the exporter for Node does.
      const [, pattern] = /__name__=~"([^"]*)"/.exec(query) ?? [];
      const asks = new RegExp(`^${pattern ?? /nest_locked_\w+/.exec(query)?.[0] ?? ''}$`);
      const name = [...names].find((one) => asks.test(one!)) ?? '';
      expect([query, name]).toEqual([query, expect.stringMatching(/^nest_locked_/)]);
      if (pattern !== undefined)
        expect(name.replace('_duration', '_duration_seconds')).toMatch(asks);
      asked.add(name.replace(/_(bucket|count|sum)$/, ''));
      const series = await read(name);
      const known = new Set(series.flatMap(({ labels }) => Object.keys(labels)));
      const selected = [...query.matchAll(/(\w+)\s*(?:=~|!=|=)\s*"/g)].map(([, label]) => label);
      const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) =>
        list.split(',').map((label) => label.trim()),
      );
      for (const label of [...selected, ...grouped]) {
        if (label === '__name__') continue;
        expect([query, label, known.has(label!)]).toEqual([query, label, true]);
      }
      // The values it selects are values that there are.
      for (const [, label = '', values = ''] of query.matchAll(/(\w+)=~?"([\w|]+)"/g)) {
        const there = new Set(series.map(({ labels }) => labels[label]));
        expect([query, values.split('|').some((value) => there.has(value))]).toEqual([query, true]);
      }
    }
    // Each instrument is on it.
    const exported = [...(await scrape()).matchAll(/^# TYPE (nest_locked_\w+)/gm)].map(
      ([, name]) => name,
    );
    expect(exported.length).toBe(7);
    expect([...asked].sort()).toEqual(exported.sort());
  });
});
