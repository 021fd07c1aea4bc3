import { OtherLibraries } from '../../lib/stores/redis/other-libraries.js';
import { ManualClock } from '../support/manual-clock.js';

const KEY = 'order:42';
const ENDS = 1e12;

describe('keys on which locks of other libraries are met', () => {
  let clock: ManualClock;
  let others: OtherLibraries;
  beforeEach(() => {
    clock = new ManualClock();
    others = new OtherLibraries(clock, false);
  });

  /** Passes `ms` in small steps and gives a lock back after each; when the key was left free, from the beginning. */
  function leftFree(ms: number): number[] {
    const begin = clock.mono();
    const moments: number[] = [];
    while (clock.mono() < begin + ms) {
      clock.advance(10);
      if (!others.isTheirTurn(KEY)) continue;
      moments.push(clock.mono() - begin);
      others.leave(KEY);
    }
    return moments;
  }

  it('Exclusion: nobody else pays: where none was met it is never their turn', () => {
    others.met('another', 'a', ENDS);
    expect(leftFree(60_000)).toEqual([]);
    expect(others.isKnown(KEY)).toBe(false);
    expect(others.leftUntil(KEY)).toBe(-Infinity);
  });

  it('Exclusion: our turn lasts as long as theirs did, within bounds', () => {
    for (const theirs of [100, 700, 60_000]) {
      others = new OtherLibraries(clock, false);
      others.leave(KEY);
      clock.advance(theirs);
      others.met(KEY, 'a', ENDS);
      expect(leftFree(2_000)[0]).toBe(Math.min(1_500, Math.max(300, theirs)));
    }
  });

  it('Exclusion: it is theirs after 300 ms of ours, for 300 ms or until they have taken it', () => {
    others.met(KEY, 'a', ENDS);
    expect(leftFree(290)).toEqual([]);
    expect(leftFree(10)).toEqual([10]);
    expect(others.leftUntil(KEY)).toBe(clock.mono() + 300);

    clock.advance(100);
    others.met(KEY, 'b', ENDS);
    expect(others.leftUntil(KEY)).toBe(clock.mono());
    expect(leftFree(310)).toEqual([300]);
  });

  it('Exclusion: less and less often while they do not come, and not at all after five minutes', () => {
    others.met(KEY, 'a', ENDS);
    const moments = leftFree(600_000);
    const gaps = moments.slice(1).map((moment, i) => moment - moments[i]!);
    expect(moments.slice(0, 4)).toEqual([300, 900, 2_100, 3_900]);
    expect(new Set(gaps.slice(2))).toEqual(new Set([1_800]));
    expect(moments.at(-1)).toBeGreaterThan(290_000);
    expect(moments.at(-1)).toBeLessThan(300_000);
    expect(others.isKnown(KEY)).toBe(false);
  });

  it('Exclusion: one stands for as long as its value and its lease are the same', () => {
    others.met(KEY, 'a', ENDS);
    clock.advance(40);
    others.met(KEY, 'a', ENDS + 1);
    expect(others.standing(KEY)).toBe(40);
    others.met(KEY, 'b', ENDS);
    expect(others.standing(KEY)).toBe(0);
    clock.advance(40);
    others.met(KEY, 'b', ENDS + 40);
    expect(others.standing(KEY)).toBe(0);

    // Without an end nothing but the value tells.
    others.met(KEY, 'c', Infinity);
    clock.advance(40);
    others.met(KEY, 'c', Infinity);
    expect(others.standing(KEY)).toBe(40);
  });

  it('Exclusion: a process that is told that a key is left free leaves it too', () => {
    others.leave(KEY);
    expect(others.isKnown(KEY)).toBe(true);
    expect(others.leftUntil(KEY)).toBe(clock.mono() + 300);
    expect(leftFree(610)).toEqual([600]);
  });

  it('Exclusion: where they are expected it is their turn on any key, met or not', () => {
    others = new OtherLibraries(clock, true);
    expect(leftFree(320)).toEqual([310]);
    const moments = leftFree(900_000);
    expect(moments.length).toBeGreaterThan(900_000 / 1_800 - 5);
  });

  it('No leftover: 100 000 keys do not stay in memory', () => {
    for (let i = 0; i < 100_000; i += 1) others.met(`key:${i}`, 'a', ENDS);
    const known = Array.from({ length: 100_000 }, (_, i) => others.isKnown(`key:${i}`));
    expect(known.filter(Boolean)).toHaveLength(10_000);
    expect(known.at(-1)).toBe(true);

    clock.advance(300_000);
    others.met(KEY, 'a', ENDS);
    expect(others.isKnown('key:99999')).toBe(false);
  });
});
