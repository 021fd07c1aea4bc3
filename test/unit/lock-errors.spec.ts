import { inspect } from 'node:util';
import { ConsoleLogger } from '@nestjs/common';
import {
  LockAbortedError,
  LockBusyError,
  LockKeyError,
  LockLostError,
  LockRefusedError,
  LockTicketError,
  LockUnavailableError,
  LockUsageError,
  type LockError,
} from '../../lib/index.js';

const KEY = 'classified:7';
const SECRETS = /classified|pod-3|4711|NOPERM|ECONNREFUSED/;
const FACTS = { holder: 'pod-3:4711', mode: undefined, sinceEpochMs: 1, retryAfter: 7_000.4 };

/** Every error that may concern a client, with what it is told. */
const FOR_CLIENTS: [LockError, object][] = [
  [
    new LockBusyError(KEY, 20, FACTS),
    { code: 'LOCK_BUSY', message: 'It is being worked on by another request', retryAfter: 7_001 },
  ],
  [
    new LockLostError(KEY, 5, 'pod-3:4711 took it'),
    { code: 'LOCK_LOST', message: 'The lock was lost before the work was done' },
  ],
  [
    new LockAbortedError(KEY, 'pod-3 shuts down'),
    { code: 'LOCK_ABORTED', message: 'The wait for a lock was called off' },
  ],
  [
    new LockUnavailableError(KEY, 'ECONNREFUSED pod-3', new Error('ECONNREFUSED')),
    { code: 'LOCK_UNAVAILABLE', message: 'Locks are not available', retryAfter: 5_000 },
  ],
  [
    new LockRefusedError(KEY, new Error('NOPERM for pod-3')),
    { code: 'LOCK_REFUSED', message: 'A lock could not be taken' },
  ],
  [
    new LockTicketError('ended', `"${KEY}" has ended`, KEY),
    { code: 'LOCK_TICKET', message: 'A lock could not be taken over' },
  ],
  [
    new LockKeyError(`Orders.pay: <0> in "${KEY}"`, KEY, true),
    { code: 'LOCK_KEY', message: 'The request does not say what it is about' },
  ],
];

describe.each(FOR_CLIENTS)('%s', (error, told) => {
  it('says nothing of key, holder, host, pid or store in its message, as JSON, and in GraphQL', () => {
    expect(error.message).not.toMatch(SECRETS);
    expect(error.stack).not.toMatch(SECRETS);
    expect(JSON.parse(JSON.stringify(error))).toEqual(told);
    const { message, ...extensions } = told as { message: string };
    expect(error.message).toBe(message);
    expect(error.extensions).toEqual(extensions);
  });

  it('tells an operator all of it, in its fields and where it is printed', () => {
    expect(error.detail).toContain(KEY);
    expect(error.key).toBe(KEY);
    expect(inspect(error)).toContain(error.detail);
    const lines = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      for (const json of [false, true]) {
        new ConsoleLogger({ json, colors: false }).error(error);
        const printed = lines.mock.calls.map(([line]) => String(line)).join('');
        expect(json ? printed.replaceAll('\\"', '"') : printed).toContain(error.detail);
        lines.mockClear();
      }
    } finally {
      lines.mockRestore();
    }
  });
});

describe('lock errors', () => {
  it.each([
    [0, 1_000],
    [-5, 1_000],
    [1_000.5, 1_001],
    [Infinity, 3_600_000],
  ])('tell a client to come back in a sane number of ms: %d is %d', (retryAfter, sane) => {
    const error = new LockBusyError(KEY, 20, { ...FACTS, retryAfter });
    expect(error.retryAfter).toBe(retryAfter);
    expect(error.toJSON().retryAfter).toBe(sane);
  });

  it.each([
    [new LockUsageError(`unknown option "${KEY}"`)],
    [new LockKeyError(`a key must not be "${KEY}"`, KEY)],
  ])('of the program itself speak to programmers, and as JSON not at all: %s', (error) => {
    expect(error.message).toContain(KEY);
    expect(error.detail).toBe(error.message);
    expect(error.toJSON()).toEqual({ code: error.code, message: 'Internal server error' });
  });
});
