import { describeExclusion } from './exclusion.contract.js';
import { describeLeases } from './leases.contract.js';
import { describeLeaving } from './leaving.contract.js';
import type { StoreHarness } from './store-harness.js';

/**
 * What every store promises. A new store gets the whole suite by one line:
 *
 * @example
 * describeLockStore('MemoryStore', makeMemoryHarness);
 */
export function describeLockStore(name: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(name, () => {
    let harness: StoreHarness;
    beforeEach(async () => {
      harness = await makeHarness();
    });
    afterEach(async () => {
      await harness.stop();
    });

    describeExclusion(() => harness);
    describeLeases(() => harness);
    describeLeaving(() => harness);
  });
}
