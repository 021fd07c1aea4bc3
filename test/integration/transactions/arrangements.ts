import { closeApps, startApp } from '../../support/nest-app.js';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.js';
import type { OpenLibrary } from './libraries.js';
import { defineShop, type Library, type ShopClasses, type Take } from './shop.js';
import { CALLERS, Stock } from './stock.js';

/** How a lock and a transaction stand to each other. */
export interface Arrangement {
  readonly title: string;
  /** The method of the shop that each caller calls, or the path that it asks for. */
  readonly method?: string;
  readonly path?: string;
  /** Whether it loses updates when the lock module is told of no transactions. */
  readonly needsPort: boolean;
  /** How many each caller takes. */
  readonly each?: number;
  /** How many of the callers end well. */
  readonly ended?: number;
}

export const ARRANGEMENTS: readonly Arrangement[] = [
  { title: '@Transactional above @Locked', method: 'above', needsPort: true },
  { title: '@Transactional below @Locked', method: 'below', needsPort: false },
  { title: 'a locked service in a transaction', method: 'service', needsPort: true },
  { title: '`using` in a transaction', method: 'using', needsPort: true },
  { title: '`using` of several keys in a transaction', method: 'usingSeveral', needsPort: true },
  { title: '`await using` in a transaction', method: 'awaitUsing', needsPort: true },
  { title: 'a locked service in a nested transaction', method: 'nested', needsPort: true },
  {
    title: 'a locked service that requires a new transaction',
    method: 'requiresNew',
    needsPort: true,
  },
  // Without the port these two wait for each other: for the key of one, in the row of another.
  { title: 'a locked service, twice in a transaction', method: 'twice', needsPort: false, each: 2 },
  {
    title: 'a locked service, twice at once in a transaction',
    method: 'besideEachOther',
    needsPort: false,
    each: 2,
  },
  {
    title: 'a transaction that rolls back after its locked service',
    method: 'rollback',
    needsPort: true,
    ended: CALLERS - CALLERS / 3,
  },
  {
    title: 'a locked service in a handler inside a transaction interceptor',
    path: 'service',
    needsPort: true,
  },
  {
    title: "a service locked until: 'handler' inside a transaction interceptor",
    path: 'until-handler',
    needsPort: false,
  },
  { title: 'a locked handler inside a transaction interceptor', path: 'handler', needsPort: false },
];

/** Runs the table of arrangements with a library on a Postgres of its own. */
export function describeArrangements(
  name: string,
  open: (server: PostgresServer) => Promise<OpenLibrary>,
): void {
  describe(name, () => {
    let server: PostgresServer;
    let stock: Stock;
    let library: Library;
    let classes: ShopClasses;
    let close: (() => Promise<void>) | undefined;

    beforeAll(async () => {
      server = await startPostgres();
      stock = await Stock.open(server);
      ({ library, close } = await open(server));
      classes = defineShop(library);
    });
    afterEach(closeApps);
    afterAll(async () => {
      await close?.();
      await stock.close();
      await server.stop();
    });

    /** All callers at once; gives how many were taken, and how many calls ended well. */
    async function run(arrangement: Arrangement, ports: Library['port'][]) {
      const { app, ask } = await startApp(classes.root(ports));
      const shop = app.get(classes.shop);
      const sku = await stock.add();
      const { method = '', path } = arrangement;
      const call: Take = async (_, caller) => {
        if (path === undefined) return shop[method]!(sku, caller);
        const { status, body } = await ask(`/${path}/${sku}`);
        if (status !== 200) throw new Error(JSON.stringify(body));
        return body;
      };
      const calls = Array.from({ length: CALLERS }, (_, caller) => call(sku, caller));
      const ends = await Promise.allSettled(calls);
      const reasons = ends.flatMap((end) =>
        end.status === 'rejected' ? [(end.reason as Error).message] : [],
      );
      return { taken: await stock.taken(sku), ended: CALLERS - reasons.length, reasons };
    }

    it.each(ARRANGEMENTS)('Exclusion: $title loses no update', async (arrangement) => {
      const { each = 1, ended = CALLERS } = arrangement;
      const result = await run(arrangement, [library.port]);
      expect(result.reasons.filter((reason) => reason !== 'on purpose')).toEqual([]);
      expect(result).toMatchObject({ ended, taken: ended * each });
    });

    it.each(ARRANGEMENTS.filter(({ needsPort }) => needsPort))(
      '$title loses updates when the module is told of no transactions',
      async (arrangement) => {
        const { each = 1 } = arrangement;
        const { ended, taken } = await run(arrangement, []);
        expect(taken).toBeLessThan(ended * each);
      },
    );
  });
}
