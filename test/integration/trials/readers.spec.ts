import { isWithinBound, readAndWrite } from '../../trials/readers-and-writer.js';

describe('readers without pause and one writer', () => {
  it('Exclusion: no reader of 16 that came after the writer is in before it, but through a lease of before, within the bound', async () => {
    const { turns, reads } = await readAndWrite(40);

    expect(turns.length).toBeGreaterThan(20);
    expect(reads).toBeGreaterThan(turns.length);
    expect(turns.map((turn) => turn.leasesBetween)).toEqual(turns.map(() => 0));
    const overtaking = turns.flatMap((turn) => turn.overtaking);
    expect(overtaking.filter((one) => !isWithinBound(one))).toEqual([]);
  }, 60_000);
});
