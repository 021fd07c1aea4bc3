import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { describeLockStore } from './lock-store.contract.js';

describeLockStore('MemoryStore', { localHandOver: false, leases: 'each' }, async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  return {
    store,
    other: store,
    now: () => clock.mono(),
    pass: (ms) => clock.advanceAndSettle(ms),
    leftovers: async () => [...store['entries'].keys()],
    stop: () => store.close(),
  };
});
