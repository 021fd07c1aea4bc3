import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** All below 30 000, where no outgoing connection has its ephemeral port. */
const PORTS = { first: 10_000, count: 20_000 };
/** Jest counts its workers from 1. So many have ports of their own. */
const WORKERS = 20;

/**
 * A port that nobody listens on. Under Jest it is one of this worker's own: what a suite expects to be
 * free, or to come back on, no suite beside it takes.
 */
export async function freePort(): Promise<number> {
  const { JEST_WORKER_ID: worker } = process.env;
  const count = worker === undefined ? PORTS.count : PORTS.count / WORKERS;
  const first = PORTS.first + (worker === undefined ? 0 : (Number(worker) % WORKERS) * count);
  for (;;) {
    const port = first + Math.floor(Math.random() * count);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, '127.0.0.1', () => {
      const bound = (probe.address() as AddressInfo).port === port;
      probe.close(() => {
        resolve(bound);
      });
    });
  });
}
