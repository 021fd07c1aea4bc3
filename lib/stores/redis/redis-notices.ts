import type { StoreLog } from '../store-log.js';
import { isNoPermission, isReadOnly } from './protocol/reply-errors.js';

/** What operators are told of the server's errors: each kind once, not once for each command. */
export class RedisNotices {
  private toldPermission = false;
  private toldDemotion = false;

  constructor(
    private readonly log: StoreLog,
    private readonly ownsClient: boolean,
  ) {}

  /** The server answered with an error. */
  answered(error: Error): void {
    if (isNoPermission(error)) this.permission(error);
    else if (isReadOnly(error)) this.demotion(error);
  }

  /** The server takes writes: a demotion from now on is another one. A new connection says no such thing. */
  served(): void {
    this.toldDemotion = false;
  }

  private permission(error: Error): void {
    if (this.toldPermission) return;
    this.toldPermission = true;
    this.log.error(
      `Redis lets this user not do what locks need; allow it with the ACL rules in the README, under "What Redis has to allow" (${error.message})`,
    );
  }

  private demotion(error: Error): void {
    if (this.toldDemotion) return;
    this.toldDemotion = true;
    const remedy = this.ownsClient ? '; connecting anew' : '';
    this.log.error(
      `this Redis takes no writes any more, it was demoted to a replica${remedy}: ${error.message}`,
    );
  }
}
