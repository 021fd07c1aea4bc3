import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Spans, violationsOf } from './spans.js';

function notes(...spans: [from: number, to: number, token: number][]): Float64Array {
  const kept = new Spans();
  for (const [from, to, token] of spans) kept.add(from, to, token);
  return kept.done();
}

void test('holders one after the other, of two processes, violate nothing', () => {
  const one = notes([0, 1, 10], [4, 5, 12]);
  const other = notes([2, 3, 11], [6, 7, 13]);
  assert.equal(violationsOf([one, other]), 0);
});

void test('two holders inside together are counted, though each process saw only one', () => {
  assert.equal(violationsOf([notes([0, 5, 1]), notes([4, 6, 2])]), 1);
});

void test('a long hold overlaps with all that fall into it', () => {
  assert.equal(violationsOf([notes([0, 10, 1]), notes([1, 2, 2], [3, 4, 3])]), 2);
});

void test('a token that does not grow is counted, and locks without one are not', () => {
  assert.equal(violationsOf([notes([0, 1, 7]), notes([2, 3, 7])]), 1);
  assert.equal(violationsOf([notes([0, 1, NaN]), notes([2, 3, NaN])]), 0);
});

void test('more notes than fit at first are kept', () => {
  const kept = new Spans();
  for (let n = 0; n < 5_000; n += 1) kept.add(2 * n, 2 * n + 1, n);
  assert.equal(kept.done().length, 15_000);
  assert.equal(violationsOf([kept.done()]), 0);
});
