import { inversions, ordered, overlaps, tokensBackwards, type Visit } from './history.js';

const visit = (
  token: number,
  asked: number,
  entered: number,
  changes: Partial<Visit> = {},
): Visit => ({
  key: 'k',
  token,
  asked,
  arrived: asked + 10,
  entered,
  left: entered + 5,
  ...changes,
});

const orderly = [visit(1, 0, 100), visit(2, 20, 110), visit(3, 40, 120)];

describe('the witness of the multi-process suite', () => {
  it('finds nothing in an orderly history', () => {
    expect([overlaps(orderly), inversions(orderly), tokensBackwards(orderly)]).toEqual([
      [],
      [],
      [],
    ]);
  });

  it('sees two inside at once, and only within one key', () => {
    const second = visit(2, 20, 104);
    expect(overlaps([orderly[0]!, second])).toEqual([[orderly[0], second]]);
    expect(overlaps([orderly[0]!, { ...second, key: 'other' }])).toEqual([]);
  });

  it('sees one overtake another, however far apart they stood', () => {
    const overtaken = visit(4, 0, 130, { arrived: 10 });
    const found = inversions([visit(1, 30, 100), visit(2, 5, 110), visit(3, 40, 120), overtaken]);
    expect(found.map(([first, second]) => [first.token, second.token])).toEqual([
      [3, 4],
      [1, 4],
    ]);
  });

  it('claims nothing of two that asked while the other had no answer yet', () => {
    expect(inversions([visit(1, 5, 100), visit(2, 0, 110)])).toEqual([]);
  });

  it('counts of how many it can tell who came first', () => {
    expect(ordered(orderly, 1)).toBe(2);
    expect(ordered([visit(1, 5, 100), visit(2, 0, 110)], 1)).toBe(0);
  });

  it('sees a token that did not grow', () => {
    expect(tokensBackwards([visit(2, 0, 100), visit(1, 20, 110)])).toHaveLength(1);
    expect(tokensBackwards([visit(2, 0, 100), visit(2, 20, 110)])).toHaveLength(1);
  });
});
