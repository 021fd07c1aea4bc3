import type { Clock, Instant } from '../../clock.js';
import { defer } from '../../deferred.js';
import { type LockState } from '../lock-store.js';
import { noAnswer } from './protocol/reply-errors.js';
import { inspectAnswer, releaseAnswer, type PiggybackedGrant } from './protocol/lock-reply.js';
import { OPERATION, encodeOperation, type Operation } from './protocol/operation.js';
import type { Answer } from './transport/entry.js';

/** What is asked of a key in nobody's name: by operators, and to go on where a call had to stop. */
export class KeyQuestions {
  constructor(
    private readonly clock: Clock,
    private readonly send: (key: string, words: string, answer: Answer) => unknown,
    private readonly piggybacked: (grant: PiggybackedGrant, sent: Instant) => void,
  ) {}

  async inspect(key: string): Promise<LockState> {
    return { key, ...inspectAnswer(await this.ask(OPERATION.inspect, key)) };
  }

  /** @returns whether anybody of ours held it */
  async force(key: string): Promise<boolean> {
    return this.pass(OPERATION.force, key);
  }

  /** Goes on passing over waiters that are gone. Those who are not ask by themselves. */
  async passOver(key: string): Promise<void> {
    await this.pass(OPERATION.passOver, key).catch(() => undefined);
  }

  private async pass(operation: Operation, key: string): Promise<boolean> {
    const sent = this.clock.now();
    const { ours, unfinished, piggybacked } = releaseAnswer(await this.ask(operation, key));
    for (const grant of piggybacked) this.piggybacked(grant, sent);
    if (unfinished) await this.passOver(key);
    return ours;
  }

  private ask(operation: Operation, key: string): Promise<unknown> {
    const { promise, resolve, reject } = defer<unknown>();
    this.send(key, encodeOperation(operation, '0'), {
      settle: resolve,
      refused: reject,
      unanswered: (error) => reject(noAnswer(error)),
    });
    return promise;
  }
}
