import 'reflect-metadata';
import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

/** A Nest application that listens on a free loopback port. */
export interface RunningApp {
  readonly app: INestApplication;
  readonly url: string;
  /** Asks a path and gives the status, the headers and the body, read as JSON where it is. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

const running = new Set<INestApplication>();

/** Starts an application through the front door; `closeApps()` ends it. */
export async function startApp(
  root: Type,
  prepare: (app: INestApplication) => void = () => undefined,
): Promise<RunningApp> {
  const app = await NestFactory.create(root, { logger: false, abortOnError: false });
  prepare(app);
  await app.listen(0, '127.0.0.1');
  running.add(app);
  const url = await app.getUrl();
  return {
    app,
    url,
    ask: async (path, init) => {
      const response = await fetch(url + path, init);
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? (JSON.parse(text) as unknown) : text,
      };
    },
  };
}

/** Ends all applications of a test; for `afterEach`. */
export async function closeApps(): Promise<void> {
  const apps = [...running];
  running.clear();
  await Promise.all(apps.map((app) => app.close()));
}
