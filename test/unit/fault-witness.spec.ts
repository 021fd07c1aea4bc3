import type { Outcome } from '../faults/history.js';
import { EXCLUSIVE, SHARED, type Mode } from '../faults/modes.js';
import { Register } from '../faults/witness/register.js';

/** A register that has heard of granted holds, by id, with their tokens. */
function registerOf(tokens: Record<string, number>, modes: Record<string, Mode> = {}): Register {
  const register = new Register();
  for (const [id, token] of Object.entries(tokens)) {
    const mode = modes[id] ?? EXCLUSIVE;
    const asked = { id, worker: id, key: 'k', mode, asked: 0, patience: 0, leaseTime: 400 };
    register.take({ type: 'ask', attempt: asked }, 0);
    const outcome: Outcome = 'granted';
    register.take({ type: 'answer', id, at: 1, outcome, stalled: 0, token }, 1);
  }
  return register;
}

const proof = (at: number, held = true) => ({ from: at, to: at + 1, held });
const write = (id: string, at: number) => ({ type: 'write', id, proof: proof(at) }) as const;

describe('the witness of the fault campaign', () => {
  it('accepts a write under the same or a larger token and refuses one under a smaller', () => {
    const register = registerOf({ a: 5, b: 6 });
    const answers = [
      write('a', 10),
      write('a', 20),
      write('b', 30),
      write('a', 40),
      write('b', 50),
    ];
    expect(answers.map((message) => register.take(message, message.proof.from))).toEqual([
      true,
      true,
      true,
      false,
      true,
    ]);
    expect(register.acceptances).toEqual([
      { key: 'k', attempt: 'a', from: 10, to: 20 },
      { key: 'k', attempt: 'b', from: 30, to: 50 },
    ]);
    expect(register.attempts.map(({ accepted, refused }) => [accepted, refused])).toEqual([
      [2, 1],
      [2, 0],
    ]);
  });

  it('lets readers read under tokens that grow in no order, and refuses who is behind the last write', () => {
    const register = registerOf({ a: 5, b: 6, c: 8, d: 7 }, { a: SHARED, b: SHARED, d: SHARED });
    const answers = [
      write('b', 10),
      write('a', 20),
      write('b', 30),
      write('c', 40),
      write('b', 50),
      write('d', 60),
    ];
    expect(answers.map((message) => register.take(message, message.proof.from))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(register.acceptances).toEqual([
      { key: 'k', attempt: 'b', from: 10, to: 30 },
      { key: 'k', attempt: 'a', from: 20, to: 20 },
      { key: 'k', attempt: 'c', from: 40, to: 40 },
    ]);
  });

  it('refuses a write under a smaller token than that of a read', () => {
    const register = registerOf({ a: 5, b: 6 }, { b: SHARED });
    expect([write('b', 10), write('a', 20)].map((one) => register.take(one, 20))).toEqual([
      true,
      false,
    ]);
  });

  it('keeps until when a lock was left to others, and whether it was believed in after that', () => {
    const register = registerOf({ a: 5, b: 6 });
    for (const id of ['a', 'b']) {
      register.take(write(id, 10), 10);
      register.take(write(id, 20), 20);
      const after = proof(40, id === 'b');
      register.take({ type: 'handed off', id, at: 39, isDone: true, proof: after }, 40);
    }
    expect(register.attempts).toMatchObject([
      { handOff: { at: 39 }, left: 20, believed: { to: 20 } },
      { handOff: { at: 39 }, left: 20, believed: { to: 40 } },
    ]);
    expect(register.attempts[0]).not.toHaveProperty('lost');
    expect(register.crowd(new Set())).toEqual({ inside: [], waiting: [] });
  });

  it('believes from the end of the first proof to the beginning of the last', () => {
    const register = registerOf({ a: 5 });
    register.take(write('a', 10), 10);
    register.take({ type: 'sign', id: 'a', proof: proof(20) }, 20);
    expect(register.attempts).toMatchObject([{ lastSign: 20, accepted: 1 }]);
    register.take({ type: 'leave', id: 'a', proof: proof(30) }, 30);
    expect(register.attempts).toMatchObject([{ believed: { from: 11, to: 30 }, left: 30 }]);
  });

  it('ends a belief at the first no', () => {
    const register = registerOf({ a: 5 });
    register.take(write('a', 10), 10);
    register.take(write('a', 20), 20);
    register.take({ type: 'write', id: 'a', proof: proof(30, false) }, 30);
    register.take(write('a', 40), 40);
    register.take({ type: 'leave', id: 'a', proof: proof(50) }, 50);
    expect(register.attempts).toMatchObject([{ believed: { from: 11, to: 20 }, lost: true }]);
    expect(register.attempts[0]).not.toHaveProperty('left');
  });

  it('No silent loss: keeps whether a hold that has left was told of a loss', () => {
    const register = registerOf({ a: 5, b: 6, c: 7 });
    for (const [id, held] of Object.entries({ a: true, b: true, c: false })) {
      register.take({ type: 'leave', id, proof: proof(30, held) }, 30);
      if (id !== 'a') register.take({ type: 'end', id, told: false }, 31);
    }
    expect(register.attempts.map(({ told }) => told)).toEqual([undefined, false, true]);
  });

  it('knows who is inside and who waits', () => {
    const register = registerOf({ a: 5 });
    const asked = { worker: 'b', key: 'k', mode: EXCLUSIVE, asked: 0, patience: 0, leaseTime: 400 };
    register.take({ type: 'ask', attempt: { id: 'b', ...asked } }, 0);
    expect(register.crowd(new Set())).toEqual({
      inside: [{ key: 'k', worker: 'a' }],
      waiting: ['b'],
    });
    expect(register.crowd(new Set(['a']))).toEqual({ inside: [], waiting: ['b'] });
  });
});
