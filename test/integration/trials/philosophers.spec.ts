import { dine, FAIRNESS, spread } from '../../trials/philosophers.js';

describe('five philosophers in five processes', () => {
  it('Exclusion: eat with two forks each, without a deadlock, and none much more than another', async () => {
    const suppers = await dine(5);
    expect(suppers).toHaveLength(5);
    expect(spread(suppers)).toBeLessThanOrEqual(FAIRNESS);
  }, 60_000);
});
