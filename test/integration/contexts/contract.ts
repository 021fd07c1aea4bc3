import type { Recorder } from './recorder.js';
import { ground, leaksIn, newGround } from './ground.js';

/**
 * The handlers of a context: each locks the key. `quick` does not wait for it, `patient` waits for a
 * minute, `losing` loses it while it works.
 */
export type HandlerName = 'quick' | 'patient' | 'losing';

/** A client of a context, with everything it gets on record. */
export interface Client {
  readonly recorder: Recorder;
  /** Resolves to what the client was told, an error or a value. */
  call(handler: HandlerName): Promise<unknown>;
  /** Calls, and does not wait for an answer; what is returned hangs up. */
  leave?(handler: HandlerName): () => void;
  /** Ends the client, then its application. */
  close(): Promise<void>;
}

/** What a client is told of a lock error. */
export interface Told {
  readonly code: string;
  readonly message: string;
  /** In ms. */
  readonly retryAfter?: number;
}

/** In place of a number that depends on the moment. */
const SOME = expect.any(Number) as number;

const MESSAGES = {
  LOCK_BUSY: 'It is being worked on by another request',
  LOCK_LOST: 'The lock was lost before the work was done',
  LOCK_UNAVAILABLE: 'Locks are not available',
  LOCK_REFUSED: 'A lock could not be taken',
};

export function told(code: keyof typeof MESSAGES): Told {
  const message = MESSAGES[code];
  if (code === 'LOCK_BUSY') return { code, message, retryAfter: SOME };
  return code === 'LOCK_UNAVAILABLE' ? { code, message, retryAfter: 5_000 } : { code, message };
}

/** In what form a context has it. */
export interface Forms {
  /** What its client gets for a lock error. */
  readonly error: (told: Told) => unknown;
  /** What its client gets for a handler that did its work. */
  readonly done: unknown;
  /** Whether a server learns that a client has gone. */
  readonly leaves: boolean;
}

/**
 * What is promised in every context with a client.
 * @param start builds the application with its client
 */
export function describeContext(
  name: string,
  start: () => Promise<Client>,
  { error: form, done, leaves }: Forms,
): void {
  describe(`lock errors and locks of ${name}`, () => {
    let client: Client;
    beforeEach(async () => {
      newGround();
      client = await start();
    });
    afterEach(() => client.close());

    it('the lock outlives the interceptors of the application, and is given back', async () => {
      expect(await client.call('quick')).toEqual(done);
      expect(ground.heldInside).toEqual([true]);
      await ground.isFree();
    });

    it('busy is told with code and retryAfter, and nothing of key, holder, host, pid or stack', async () => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      expect(await client.call('quick')).toEqual(form(told('LOCK_BUSY')));
      expect(client.recorder.bytes).toContain('LOCK_BUSY');
      expect(leaksIn(client.recorder.bytes)).toEqual([]);
      expect(ground.runs).toBe(0);
    });

    it('a loss is told with its code, and nothing of key, holder, host, pid or stack', async () => {
      expect(await client.call('losing')).toEqual(form(told('LOCK_LOST')));
      expect(leaksIn(client.recorder.bytes)).toEqual([]);
      expect(ground.runs).toBe(1);
    });

    it('an outage is told with code and retryAfter, and nothing of what the store said', async () => {
      ground.fallSilent();
      expect(await client.call('quick')).toEqual(form(told('LOCK_UNAVAILABLE')));
      expect(leaksIn(client.recorder.bytes)).toEqual([]);
      expect(ground.runs).toBe(0);
    });

    it('a refusal is told with its code, what the store said stands in the log', async () => {
      ground.refuse();
      expect(await client.call('quick')).toEqual(form(told('LOCK_REFUSED')));
      expect(leaksIn(client.recorder.bytes)).toEqual([]);
      // By the service, with the method that asked, and where the answer was made, with the stack.
      const lines = ground.logger.ofTheKey();
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line).toContain('NOPERM');
    });

    if (leaves) {
      it('a client that goes leaves the queue, and its handler does not run', async () => {
        await using lock = await ground.take();
        expect(lock.isHeld()).toBe(true);
        const hangUp = client.leave!('patient');
        await ground.waiting(1);
        hangUp();
        await ground.waiting(0);
        await lock.release();
        await ground.isFree();
        expect(ground.runs).toBe(0);
      });
    }

    it('who waits is served when the key is free', async () => {
      const lock = await ground.take();
      const answer = client.call('patient');
      await ground.waiting(1);
      await lock.release();
      expect(await answer).toEqual(done);
    });
  });
}
