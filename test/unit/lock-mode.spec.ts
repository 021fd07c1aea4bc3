import fc from 'fast-check';

import { compatible, EXCLUSIVE, type LockMode } from '../../lib/stores/lock-mode.js';

const LIMITS = [1, 2, 5];

const limited = fc.constantFrom(...LIMITS).chain((limit) =>
  fc.record({
    kind: fc.constant('limited' as const),
    limit: fc.constant(limit),
    permits: fc.integer({ min: 1, max: limit }),
  }),
);
const mode: fc.Arbitrary<LockMode> = fc.oneof(
  fc.constant(EXCLUSIVE),
  fc.constant({ kind: 'shared' as const }),
  limited,
);
const modes = fc.array(mode, { maxLength: 6 });

/** Lets in one after the other whoever goes together with those who are in. */
function admit(queue: readonly LockMode[]): LockMode[] {
  const held: LockMode[] = [];
  for (const asked of queue) if (compatible(asked, held)) held.push(asked);
  return held;
}

describe('compatible modes', () => {
  it('a key that nobody holds is had in any mode', () => {
    fc.assert(fc.property(mode, (asked) => compatible(asked, [])));
  });

  it('Exclusion: an exclusive holder is alone, whoever came first', () => {
    fc.assert(
      fc.property(mode, modes, (other, others) => {
        expect(compatible(other, [...others, EXCLUSIVE])).toBe(false);
        expect(compatible(EXCLUSIVE, [...others, other])).toBe(false);
      }),
    );
  });

  it('readers go together, in any number, and with nobody else', () => {
    const shared: LockMode = { kind: 'shared' };
    fc.assert(
      fc.property(fc.nat(50), limited, (count, other) => {
        const readers = Array.from({ length: count }, () => shared);
        expect(compatible(shared, readers)).toBe(true);
        expect(compatible(shared, [...readers, other])).toBe(false);
        expect(compatible(other, [...readers, shared])).toBe(false);
      }),
    );
  });

  it('Exclusion: whoever is let in, their permits fit in the one limit that all of them name', () => {
    fc.assert(
      fc.property(fc.array(mode, { maxLength: 30 }), (queue) => {
        const held = admit(queue);
        const kinds = new Set(held.map(({ kind }) => kind));
        expect(kinds.size).toBeLessThanOrEqual(1);
        if (kinds.has('exclusive')) expect(held).toHaveLength(1);
        const limits = held.flatMap((one) => (one.kind === 'limited' ? [one] : []));
        expect(new Set(limits.map(({ limit }) => limit)).size).toBeLessThanOrEqual(1);
        const permits = limits.reduce((sum, one) => sum + one.permits, 0);
        expect(permits).toBeLessThanOrEqual(limits[0]?.limit ?? 0);
      }),
    );
  });

  it('a free permit is given: no holder of the same limit waits while its permits fit', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LIMITS), fc.nat(5), fc.nat(5), (limit, held, asked) => {
        const one = (permits: number): LockMode => ({ kind: 'limited', limit, permits });
        const holders = Array.from({ length: held }, () => one(1));
        const fits = holders.length === 0 || held + asked <= limit;
        expect(compatible(one(asked), holders)).toBe(fits);
      }),
    );
  });

  it('which of two came first makes no difference', () => {
    fc.assert(
      fc.property(mode, mode, (one, other) => {
        expect(compatible(one, [other])).toBe(compatible(other, [one]));
      }),
    );
  });

  it('neither the order of the holders, nor the going of one, shuts anybody out', () => {
    fc.assert(
      fc.property(mode, modes, fc.nat(5), (asked, held, gone) => {
        const may = compatible(asked, held);
        expect(compatible(asked, held.toReversed())).toBe(may);
        if (may) expect(compatible(asked, held.toSpliced(gone, 1))).toBe(true);
      }),
    );
  });
});
