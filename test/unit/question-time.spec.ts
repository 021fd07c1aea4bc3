import fc from 'fast-check';
import { questionTime, type Situation } from '../../lib/stores/redis/question-time.js';

const now = 1_000_000;
/** Behind a lock that another library keeps for long. */
const BEHIND_THEIRS: Situation = {
  now,
  leaseTime: 30_000,
  heldUntil: Infinity,
  place: 0,
  isOnItsOwn: true,
  standing: 60_000,
};
/** The pauses of many who wait in one situation, in ms. */
const pauses = (situation: Partial<Situation>): number[] =>
  Array.from({ length: 1_000 }, () => questionTime({ ...BEHIND_THEIRS, ...situation }) - now);

describe('when a waiter asks again', () => {
  it('Exclusion: behind another library’s lock within 250 ms, whatever is known of it', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ min: 0, noNaN: true }), fc.constant(Infinity)),
        fc.oneof(fc.integer({ min: -1_000, max: 100_000 }), fc.constant(Infinity)),
        (standing, left) => {
          const at = questionTime({ ...BEHIND_THEIRS, standing, heldUntil: now + left });
          return at >= now && at <= now + 250;
        },
      ),
    );
  });

  it('Dead peers: and no more often than ten times a second when that has stood for long', () => {
    expect(Math.min(...pauses({}))).toBeGreaterThanOrEqual(100);
    expect(Math.max(...pauses({}))).toBeGreaterThan(200);
  });

  it('Exclusion: soon when it has just come, for it may be gone as soon, and never at once', () => {
    expect(Math.min(...pauses({ standing: 0 }))).toBeGreaterThanOrEqual(10);
    expect(Math.max(...pauses({ standing: 0 }))).toBeLessThanOrEqual(25);
    expect(Math.max(...pauses({ standing: 40 }))).toBeLessThanOrEqual(100);
  });

  it('Exclusion: neighbours do not ask at one time', () => {
    expect(new Set(pauses({ standing: 0 })).size).toBeGreaterThan(900);
  });

  it('Exclusion: just when a lease ends that ends before', () => {
    expect(new Set(pauses({ heldUntil: now + 5 }))).toEqual(new Set([5]));
  });
});
