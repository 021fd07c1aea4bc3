import type { StoreTraits } from '../../lib/stores/lock-store.js';
import { describeClosing } from './closing.contract.js';
import { describeExclusion } from './exclusion.contract.js';
import { describeLeases } from './leases.contract.js';
import { describeLeaving } from './leaving.contract.js';
import { describeLookingIn } from './looking-in.contract.js';
import { describeModeLeases } from './mode-leases.contract.js';
import { describeModes } from './modes.contract.js';
import type { StoreHarness } from './store-harness.js';
import { describeKeeping, describeSuccession } from './succession.contract.js';
import { describeCrashTokens, describeHandOverTokens, describeTokens } from './tokens.contract.js';

/**
 * What every store promises. A new store gets the whole suite by one line; its traits select the
 * parts, and of a part that is not for it a test says so.
 *
 * @example
 * describeLockStore('MemoryStore', { localHandOver: false, leases: 'each' }, makeMemoryHarness);
 */
export function describeLockStore(
  name: string,
  traits: StoreTraits,
  makeHarness: () => Promise<StoreHarness>,
): void {
  describe(name, () => {
    let harness: StoreHarness;
    beforeEach(async () => {
      harness = await makeHarness();
    });
    afterEach(async () => {
      await harness.stop();
    });
    const current = (): StoreHarness => harness;
    const hasTraits = (): void => {
      expect(harness.store.traits).toEqual(traits);
      expect(harness.other.traits).toEqual(traits);
    };

    it('has the traits that select the parts of this suite', hasTraits);

    describe('exclusion', () => describeExclusion(current));
    describe('modes', () => describeModes(current));
    describe('succession', () => describeSuccession(current));
    describe('tokens', () => describeTokens(current));
    describe('tokens for hand-overs', () => {
      if (traits.localHandOver) describeHandOverTokens(current);
      else it('is not for this store: nothing is saved by hand-overs inside a process', hasTraits);
    });
    describe('leases, and tokens after a crash', () => {
      if (traits.leases === 'each') {
        describeLeases(current);
        describeCrashTokens(current);
        describeModeLeases(current);
        describeKeeping(current);
      } else {
        it('is not for this store: its leases end with the session of the process', hasTraits);
      }
    });
    describe('leaving', () => describeLeaving(current));
    describe('looking in', () => describeLookingIn(current));
    describe('closing', () => describeClosing(current));
  });
}
