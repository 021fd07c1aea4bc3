import { closedTimes } from '../faults/checks/closed-times.js';
import { checkHistory, violations } from '../faults/history-checker.js';
import type { Attempt, Disturbance, Finding, History, Outcome } from '../faults/history.js';
import { EXCLUSIVE, SHARED, type Mode } from '../faults/modes.js';
import { givesAway } from '../faults/worker/saboteurs/sabotage.js';

/** A hold asked for at `asked`, granted 10 ms later, that left at `left`. */
function hold(
  id: string,
  asked: number,
  left: number,
  token: number,
  rest?: Partial<Attempt>,
): Attempt {
  return {
    id,
    worker: `worker of ${id}`,
    key: 'k',
    asked,
    patience: 500,
    leaseTime: 400,
    answered: asked + 10,
    outcome: 'granted',
    stalled: 0,
    token,
    believed: { from: asked + 11, to: left },
    lastSign: left,
    left,
    accepted: 1,
    refused: 0,
    ...rest,
  };
}

function history(attempts: Attempt[], rest: Partial<History> = {}): History {
  return {
    attempts,
    acceptances: [],
    disturbances: [],
    bounds: [],
    sightings: [],
    deaths: [],
    incidents: [],
    end: 6_000,
    ...rest,
  };
}

function kinds(findings: readonly Finding[]): string[] {
  return findings.map(({ kind }) => kind);
}

const dataLost = (from: number, to: number) => ({ kind: 'data lost', from, to }) as const;
const stepped = (at: number, by: number) =>
  ({ kind: 'server clock back', from: at, to: at, by }) as const;

describe('the history checker', () => {
  it('finds nothing in a history in which all went well', () => {
    const findings = checkHistory(
      history(
        [
          hold('a', 0, 100, 1),
          hold('b', 50, 200, 2, { answered: 110, believed: { from: 111, to: 200 } }),
        ],
        {
          acceptances: [
            { key: 'k', attempt: 'a', from: 20, to: 90 },
            { key: 'k', attempt: 'b', from: 120, to: 190 },
          ],
          sightings: [{ key: 'k', value: 'a 1', from: 10, to: 100 }],
        },
      ),
    );
    expect(findings).toEqual([]);
  });

  describe('overlaps', () => {
    const pair = [hold('a', 0, 100, 1), hold('b', 80, 200, 2)];

    it('finds two holders of one key that both believed in it', () => {
      expect(kinds(checkHistory(history(pair)))).toEqual(['overlap']);
    });

    it('does not confuse keys', () => {
      expect(checkHistory(history([pair[0]!, { ...pair[1]!, key: 'other' }]))).toEqual([]);
    });

    it('does not count a holder that was stopped and proved nothing more', () => {
      const stopped = hold('a', 0, 50, 1, { lost: true });
      expect(checkHistory(history([stopped, hold('b', 80, 200, 2)]))).toEqual([]);
    });

    it('finds each of three', () => {
      const findings = checkHistory(history([...pair, hold('c', 80, 150, 3)]));
      expect(kinds(findings)).toEqual(['overlap', 'overlap', 'overlap']);
    });

    it('allows it to those who were there when the server lost its data', () => {
      const findings = checkHistory(history(pair, { disturbances: [dataLost(50, 60)] }));
      expect(kinds(findings)).toEqual(['overlap']);
      expect(violations(findings)).toEqual([]);
    });

    describe('on a lease that was handed over inside a process', () => {
      const first = hold('a', 0, 48, 7_000, { worker: 'w' });
      const heir = hold('b', 40, 90, 7_001, {
        worker: 'w',
        answered: 49,
        believed: { from: 50, to: 90 },
      });
      const check = (token: number, from: number, to: number) => {
        const holds = [first, { ...heir, token }, hold('c', 60, 120, 20_000)];
        return kinds(
          violations(checkHistory(history(holds, { disturbances: [dataLost(from, to)] }))),
        );
      };

      it('allows it when the server forgot the lease, also to who asked after that', () => {
        expect(check(7_001, 15, 20)).toEqual([]);
      });

      it('does not allow it when data was lost before the lease was asked for', () => {
        expect(check(7_001, -20, -10)).toEqual(['overlap']);
      });

      it('does not allow it under the same token, which no hand-over has', () => {
        expect(check(7_000, 15, 20)).toEqual(['token backwards', 'overlap']);
      });

      it('does not allow it on a lease of its own, which the server gave after the loss', () => {
        expect(check(9_000, 15, 20)).toEqual(['overlap']);
      });
    });

    it('does not allow it because data was lost before or after', () => {
      const disturbances = [dataLost(-20, -10), dataLost(150, 160)];
      expect(kinds(violations(checkHistory(history(pair, { disturbances }))))).toEqual(['overlap']);
    });
  });

  describe('stale writes', () => {
    const before = hold('a', 0, 50, 1);
    const after = hold('b', 60, 200, 1 + 1);
    const write = (attempt: string, at: number) => ({ key: 'k', attempt, from: at, to: at });

    it('finds a write that was accepted after one of a later holder', () => {
      const acceptances = [write('a', 20), write('b', 80), write('a', 90)];
      expect(kinds(checkHistory(history([before, after], { acceptances })))).toEqual([
        'stale write accepted',
      ]);
    });

    it('finds it although data was lost', () => {
      const acceptances = [write('b', 80), write('a', 90)];
      const lost = { acceptances, disturbances: [dataLost(55, 56)] };
      expect(kinds(violations(checkHistory(history([before, after], lost))))).toEqual([
        'stale write accepted',
      ]);
    });

    it('claims nothing where either may have been granted first', () => {
      const late = hold('b', 0, 80, 1, { answered: 30, believed: { from: 60, to: 80 } });
      const lost = {
        acceptances: [write('b', 62), write('a', 70)],
        disturbances: [dataLost(5, 6)],
      };
      const findings = checkHistory(history([hold('a', 0, 50, 2), late], lost));
      expect(kinds(findings)).toEqual([]);
    });
  });

  describe('tokens', () => {
    it('finds one that is smaller than an earlier one', () => {
      const findings = checkHistory(history([hold('a', 0, 50, 7), hold('b', 60, 90, 6)]));
      expect(kinds(findings)).toEqual(['token backwards']);
    });

    it('finds one that is used twice', () => {
      const findings = checkHistory(history([hold('a', 0, 50, 7), hold('b', 60, 90, 7)]));
      expect(kinds(findings)).toEqual(['token backwards']);
    });

    it('finds one that is smaller than that of a holder it waited for', () => {
      const waited = hold('b', 5, 90, 6, { answered: 60, believed: { from: 61, to: 90 } });
      expect(kinds(checkHistory(history([hold('a', 0, 50, 7), waited])))).toEqual([
        'token backwards',
      ]);
    });

    it('finds one that is smaller than one of long ago', () => {
      const many = Array.from({ length: 50 }, (_, i) =>
        hold(`h${i}`, i * 100, i * 100 + 50, i + 1),
      );
      many[3] = hold('large', 300, 350, 1_000);
      many[49] = hold('small', 4_900, 4_950, 999);
      expect(violations(checkHistory(history(many)))).toHaveLength(46);
    });

    it('does not allow it because data was lost', () => {
      const disturbances = [dataLost(55, 56)];
      const findings = checkHistory(
        history([hold('a', 0, 50, 7), hold('b', 60, 90, 6)], { disturbances }),
      );
      expect(kinds(violations(findings))).toEqual(['token backwards']);
    });

    it('allows it where a lease is handed over that the server has forgotten', () => {
      const first = hold('a', 0, 100, 7_000, { worker: 'w' });
      const other = hold('b', 60, 90, 9_000);
      const heir = hold('c', 95, 130, 7_001, { worker: 'w' });
      const check = (holds: Attempt[]) =>
        kinds(violations(checkHistory(history(holds, { disturbances: [dataLost(55, 56)] }))));
      expect(check([first, other, heir])).toEqual([]);
      // A grant of the server's is never allowed to.
      expect(check([first, other, { ...heir, worker: 'v' }])).toEqual(['token backwards']);
    });

    it('allows it across a step of the server clock, and not after it', () => {
      const holds = [hold('a', 0, 50, 7), hold('b', 160, 190, 5), hold('c', 300, 350, 4)];
      const findings = checkHistory(history(holds, { disturbances: [stepped(55, 100)] }));
      expect(violations(findings).map(({ text }) => text)).toEqual(['k: c has 4 after 5 of b']);
    });
  });

  describe('orphans', () => {
    const seen = (from: number, to: number) => [{ key: 'k', value: 'a 1', from, to }];

    it('finds a key that stands for more than a lease with nobody inside', () => {
      const findings = checkHistory(history([hold('a', 0, 50, 1)], { sightings: seen(5, 800) }));
      expect(kinds(findings)).toEqual(['orphan']);
    });

    it('finds one before anybody was inside', () => {
      const findings = checkHistory(history([hold('a', 900, 950, 1)], { sightings: seen(5, 940) }));
      expect(kinds(findings)).toEqual(['orphan']);
    });

    it('counts a killed holder from its death', () => {
      const killed = hold('a', 0, 50, 1);
      delete killed.left;
      const deaths = [{ worker: killed.worker, at: 600 }];
      const until = (to: number) =>
        kinds(checkHistory(history([killed], { deaths, sightings: seen(5, to) })));
      expect(until(1_200)).toEqual([]);
      expect(until(1_400)).toEqual(['orphan']);
    });

    it('does not count a death after the loss', () => {
      const lost = hold('a', 0, 50, 1, { lost: true });
      delete lost.left;
      const deaths = [{ worker: lost.worker, at: 5_000 }];
      const findings = checkHistory(history([lost], { deaths, sightings: seen(5, 1_000) }));
      expect(kinds(findings)).toEqual(['orphan']);
    });

    it('takes into account that a command which is held up renews what was given up meanwhile', () => {
      const check = (at: number) =>
        kinds(
          checkHistory(
            history([hold('a', 0, 50, 1)], {
              sightings: seen(5, 1_000),
              disturbances: [{ kind: 'commands late', from: at, to: at, by: 600 }],
            }),
          ),
        );
      expect(check(100)).toEqual([]);
      expect(check(2_000)).toEqual(['orphan']);
    });

    it('takes into account that a clock stepped back lengthens the lease', () => {
      const disturbances = [stepped(60, 2_000)];
      const findings = checkHistory(
        history([hold('a', 0, 50, 1)], { sightings: seen(5, 800), disturbances }),
      );
      expect(findings).toEqual([]);
    });
  });

  describe('answers', () => {
    const asked = { outcome: 'busy' } as const;

    it('finds one that came too late, however long its caller wanted to wait', () => {
      const check = (patience: number, answered: number) =>
        kinds(checkHistory(history([hold('a', 0, 0, 1, { ...asked, patience, answered })])));
      expect(check(500, 960)).toEqual(['late answer']);
      expect(check(500, 940)).toEqual([]);
      expect(check(0, 460)).toEqual(['late answer']);
      expect(check(0, 440)).toEqual([]);
    });

    it('does not count the time the worker itself was stopped', () => {
      const attempt = hold('a', 0, 0, 1, { ...asked, answered: 2_000, stalled: 1_300 });
      expect(checkHistory(history([attempt]))).toEqual([]);
    });

    it('finds one that never came, unless the caller was killed', () => {
      const { id, worker, key, patience, leaseTime } = hold('a', 0, 0, 1);
      const attempt = { id, worker, key, asked: 0, patience, leaseTime, accepted: 0, refused: 0 };
      expect(kinds(checkHistory(history([attempt])))).toEqual(['no answer']);
      const deaths = [{ worker, at: 100 }];
      expect(checkHistory(history([attempt], { deaths }))).toEqual([]);
    });

    it('finds one that is none of those there are', () => {
      const attempt = hold('a', 0, 0, 1, { outcome: 'wrong', note: 'TypeError: x' });
      expect(kinds(checkHistory(history([attempt])))).toContain('wrong answer');
    });
  });

  it('finds a worker that was never given a lock again', () => {
    const ids = Array.from({ length: 40 }, (_, i) => i * 500);
    const unavailable = (asked: number) =>
      hold(`h${asked}`, asked, 0, 1, { worker: 'w', outcome: 'unavailable' });
    const attempts = [hold('a', 0, 50, 1, { worker: 'w' }), ...ids.map(unavailable)];
    const recovered = hold('z', 10_000, 10_050, 2, { worker: 'w' });
    expect(kinds(checkHistory(history(attempts, { end: 20_000 })))).toEqual(['not recovered']);
    expect(checkHistory(history([...attempts, recovered], { end: 20_000 }))).toEqual([]);
  });

  it('passes on what went wrong anywhere', () => {
    const incidents = [{ kind: 'unhandled rejection', at: 5, text: 'x' } as const];
    expect(kinds(violations(checkHistory(history([], { incidents }))))).toEqual([
      'unhandled rejection',
    ]);
  });
});

describe('holds that may be inside together', () => {
  const of = (permits: number, limit = 3): Mode => ({ kind: 'limited', limit, permits });
  const inside = (modes: readonly Mode[], rest: Partial<History> = {}) =>
    checkHistory(
      history(
        modes.map((mode, i) => hold(`h${i}`, 10 * i, 200, i + 1, { mode })),
        rest,
      ),
    );

  it('Exclusion: finds a writer with a reader, whoever came first', () => {
    expect(kinds(inside([SHARED, EXCLUSIVE]))).toEqual(['overlap']);
    expect(kinds(inside([EXCLUSIVE, SHARED]))).toEqual(['overlap']);
    expect(kinds(inside([SHARED, EXCLUSIVE, SHARED]))).toEqual(['overlap', 'overlap']);
    expect(kinds(inside([SHARED, SHARED]))).toEqual([]);
  });

  it('Exclusion: finds a writer or a reader with the holder of a permit', () => {
    expect(kinds(inside([of(1), EXCLUSIVE]))).toEqual(['overlap']);
    expect(kinds(inside([of(1), SHARED]))).toEqual(['overlap']);
    expect(kinds(inside([of(1, 3), of(1, 4)]))).toEqual(['overlap']);
  });

  it('Exclusion: finds more permits inside than there are', () => {
    expect(kinds(inside([of(1), of(2)]))).toEqual([]);
    expect(kinds(inside([of(1), of(1), of(1), of(1)]))).toEqual(['over the limit']);
    expect(kinds(inside([of(2), of(2)]))).toEqual(['over the limit']);
  });

  it('Exclusion: counts the permits of one moment, not those of one after the other', () => {
    const turns = [0, 100, 200, 300].map((at, i) =>
      hold(`h${i}`, at, at + 80, i + 1, { mode: of(2) }),
    );
    expect(checkHistory(history(turns))).toEqual([]);
  });

  it('Exclusion: allows more permits only where the server forgot as many as are too many', () => {
    const allowed = (to: number) =>
      kinds(violations(inside([of(2), of(2), of(2)], { disturbances: [dataLost(to - 1, to)] })));
    // The first was asked for at 0, the second at 10, the third at 20.
    expect(allowed(5)).toEqual(['over the limit']);
    expect(allowed(15)).toEqual([]);
    expect(kinds(violations(inside([of(2), of(2)], { disturbances: [dataLost(-5, -1)] })))).toEqual(
      ['over the limit'],
    );
  });

  it('Tokens: readers may share one, or come late to a smaller one', () => {
    const reader = (id: string, asked: number, token: number) =>
      hold(id, asked, asked + 40, token, { mode: SHARED, worker: 'w' });
    expect(
      checkHistory(history([reader('a', 0, 7), reader('b', 60, 7), reader('c', 120, 6)])),
    ).toEqual([]);
  });

  it('Tokens: finds a writer and a reader, one after the other, whose tokens do not grow', () => {
    const pair = (first: Mode, second: Mode) =>
      checkHistory(
        history([hold('a', 0, 50, 7, { mode: first }), hold('b', 60, 90, 7, { mode: second })]),
      );
    expect(kinds(pair(SHARED, EXCLUSIVE))).toEqual(['token backwards']);
    expect(kinds(pair(EXCLUSIVE, SHARED))).toEqual(['token backwards']);
    expect(kinds(pair(of(1), EXCLUSIVE))).toEqual(['token backwards']);
  });

  it('Tokens: finds one of two permits that is given twice', () => {
    const permits = (token: number) => [
      hold('a', 0, 90, 7, { mode: of(1) }),
      hold('b', 10, 80, token, { mode: of(1) }),
    ];
    expect(kinds(checkHistory(history(permits(7))))).toEqual(['token backwards']);
    expect(checkHistory(history(permits(6)))).toEqual([]);
  });

  it('Tokens: finds a write that was accepted after a later holder had read', () => {
    const before = hold('a', 0, 50, 1);
    const after = hold('b', 60, 200, 2, { mode: SHARED });
    const write = (attempt: string, at: number) => ({ key: 'k', attempt, from: at, to: at });
    const acceptances = [write('a', 20), write('b', 80), write('a', 90)];
    expect(kinds(checkHistory(history([before, after], { acceptances })))).toEqual([
      'stale write accepted',
    ]);
    const readers = [{ ...before, mode: SHARED }, after];
    expect(checkHistory(history(readers, { acceptances }))).toEqual([]);
  });

  it('No leftover: finds one of several holders that nobody answers for', () => {
    const reader = hold('a', 0, 900, 5, { mode: SHARED });
    const seen = (value: string) => [{ key: 'k', value, from: 20, to: 890 }];
    expect(checkHistory(history([reader], { sightings: seen('pod.1S 5') }))).toEqual([]);
    expect(kinds(checkHistory(history([reader], { sightings: seen('pod.2S 6') })))).toEqual([
      'orphan',
    ]);
  });

  it('No leftover: takes a lease that is handed over for that of its first holder', () => {
    const first = hold('a', 0, 400, 5_000);
    const heir = hold('b', 390, 900, 5_001);
    const sightings = [{ key: 'k', value: 'pod.1 5000', from: 20, to: 890 }];
    const found = checkHistory(history([first, { ...heir, answered: 405 }], { sightings }));
    expect(kinds(found)).not.toContain('orphan');
  });

  it('No silent loss: asks it of whoever of several readers leaves their lease last', () => {
    const reader = (id: string, left: number, told: boolean) =>
      hold(id, 0, left, 7, { mode: SHARED, worker: 'w', told });
    const check = (holds: Attempt[]) =>
      kinds(checkHistory(history(holds, { disturbances: [dataLost(40, 45)] })));
    expect(check([reader('a', 60, false), reader('b', 80, true)])).toEqual([]);
    expect(check([reader('a', 80, true), reader('b', 60, false)])).toEqual([]);
    expect(check([reader('a', 60, false), reader('b', 80, false)])).toEqual(['silent loss']);
  });
});

describe('locks that change hands', () => {
  const left = (rest: Partial<Attempt> = {}) =>
    hold('a', 0, 50, 1, { handOff: { at: 55, isDone: true }, ...rest });
  const claim = (id: string, asked: number, rest: Partial<Attempt> = {}) =>
    hold(id, asked, asked + 50, 2, { ticketOf: 'a', early: true, ...rest });

  it('finds nothing where one goes on with what another has left', () => {
    const refused = claim('c', 62, { outcome: 'ended' });
    expect(checkHistory(history([left(), claim('b', 60), refused]))).toEqual([]);
  });

  it('Exclusion: finds a ticket that was claimed twice', () => {
    const findings = checkHistory(history([left(), claim('b', 60), claim('c', 200, { token: 3 })]));
    expect(kinds(findings)).toEqual(['ticket claimed twice']);
  });

  it('Exclusion: finds a holder that believes in what it has left to others', () => {
    const clinging = left({ believed: { from: 11, to: 56 } });
    expect(kinds(checkHistory(history([clinging])))).toEqual(['believed after hand-off']);
    const failed = left({ believed: { from: 11, to: 56 }, handOff: { at: 55, isDone: false } });
    expect(checkHistory(history([failed]))).toEqual([]);
  });

  it('No leftover: finds a ticket that nobody claims and that does not end with its lease', () => {
    const seen = (to: number) => [{ key: 'k', value: 'pod.1 1', from: 20, to }];
    const check = (to: number) => kinds(checkHistory(history([left()], { sightings: seen(to) })));
    expect(check(700)).toEqual([]);
    expect(check(800)).toEqual(['orphan']);
  });

  it('does not count a key as closed while its ticket is on its way, for a lease at most', () => {
    const waits = hold('b', 60, 900, 2, { answered: 800 });
    const closed = (attempts: Attempt[], disturbances: Disturbance[] = []) =>
      closedTimes(history(attempts, { disturbances })).filter(({ from }) => from > 10);
    expect(closed([left(), waits])).toEqual([{ key: 'k', from: 455, to: 800 }]);
    const claimed = closed([left(), waits, claim('c', 100)]);
    expect(claimed).toEqual([{ key: 'k', from: 150, to: 800 }]);
    // Each step back makes the lease longer, the second one within what the first has added.
    const steps = [stepped(400, 100), stepped(500, 200), stepped(760, 300)];
    expect(closed([left(), waits], steps)).toEqual([{ key: 'k', from: 755, to: 800 }]);
  });
});

describe('promises that a history can show broken', () => {
  const loss = { disturbances: [dataLost(40, 45)] };

  describe('a loss without a word', () => {
    const check = (holds: Attempt[], rest: Partial<History> = loss) =>
      kinds(checkHistory(history(holds, rest)));
    const ended = (told: boolean, left = 60, rest: Partial<Attempt> = {}) =>
      hold('a', 0, left, 7_000, { told, ...rest });

    it('No silent loss: finds a hold that spans a loss of data and ends without a word', () => {
      expect(check([ended(false)])).toEqual(['silent loss']);
      expect(check([ended(true)])).toEqual([]);
    });

    it('No silent loss: counts only holds that certainly span the loss and have ended', () => {
      expect(check([ended(false, 44)])).toEqual([]);
      expect(check([hold('a', 35, 60, 7_000, { told: false })])).toEqual([]);
      const cut = { disturbances: [{ ...dataLost(40, 45), cut: true }] };
      expect(check([ended(false)], cut)).toEqual([]);
      expect(check([hold('a', 0, 60, 7_000)])).toEqual([]);
      expect(check([ended(false, 60, { lost: true })])).toEqual([]);
    });

    it('No silent loss: asks it of the last that held through a lease, whoever came before', () => {
      const first = ended(false, 48, { worker: 'w' });
      const last = (told: boolean) => hold('b', 50, 70, 7_001, { worker: 'w', told });
      expect(check([first, last(true)])).toEqual([]);
      expect(check([first, last(false)])).toEqual(['silent loss']);
      // A lease of its own: the first was the last of its lease.
      expect(check([first, { ...last(true), token: 9_000 }])).toEqual(['silent loss']);
    });
  });

  describe('answers', () => {
    const answered = (outcome: Outcome, at = 50) =>
      hold('a', at, 0, 1, { outcome, answered: at + 10 });
    const check = (attempt: Attempt) =>
      kinds(
        checkHistory(
          history([attempt], {
            disturbances: [
              { kind: 'server may refuse', from: 10, to: 100 },
              { kind: 'server refuses', from: 20, to: 90 },
            ],
          }),
        ),
      );

    it('Three answers: finds "unavailable" while the server answered with errors', () => {
      expect(check(answered('unavailable'))).toEqual(['wrong answer']);
      expect(check(answered('unavailable', 85))).toEqual([]);
      expect(check(answered('refused'))).toEqual([]);
    });

    it('Three answers: finds "refused" from a server that refuses nothing', () => {
      expect(check(answered('refused', 200))).toEqual(['wrong answer']);
    });

    it('Never unlocked: finds work without a lock while the server answered', () => {
      expect(check(answered('unlocked'))).toEqual(['unlocked work']);
      expect(check(answered('unlocked', 200))).toEqual([]);
    });
  });

  it('finds a key that is closed for longer than a fault may cost', () => {
    const waits = hold('b', 40, 900, 2, { answered: 800, believed: { from: 801, to: 900 } });
    const within = (from: number, to: number) =>
      kinds(
        checkHistory(
          history([hold('a', 0, 50, 1), { ...waits, patience: 1_000 }], {
            bounds: [{ from, to, most: 500, why: 'here' }],
          }),
        ),
      );
    expect(within(0, 1_000)).toEqual(['closed too long']);
    expect(within(0, 540)).toEqual([]);
    expect(within(600, 1_000)).toEqual([]);
  });
});

describe('what gives a sabotage away', () => {
  const found = (...given: Finding['kind'][]) =>
    given.map((kind): Finding => ({ kind, at: 0, text: '' }));

  it('is the violation that it makes, and no other', () => {
    expect(givesAway('silent-loss', found('overlap'))).toBe(false);
    expect(givesAway('silent-loss', found('overlap', 'silent loss'))).toBe(true);
    expect(givesAway('three-answers', found('wrong answer'))).toBe(false);
    expect(givesAway('three-answers', found('wrong answer', 'unlocked work'))).toBe(true);
  });
});

describe('the time nobody could enter', () => {
  it('is counted where somebody waits and nobody is inside', () => {
    const waits = hold('b', 40, 400, 2, { answered: 250 });
    expect(closedTimes(history([hold('a', 0, 50, 1), waits]))).toEqual([
      { key: 'k', from: 0, to: 10 },
      { key: 'k', from: 50, to: 250 },
    ]);
  });

  it('is not counted while nobody asks', () => {
    const closed = closedTimes(history([hold('a', 0, 50, 1), hold('b', 500, 600, 2)]));
    expect(closed).toEqual([
      { key: 'k', from: 0, to: 10 },
      { key: 'k', from: 500, to: 510 },
    ]);
  });
});
