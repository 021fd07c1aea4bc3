import { LockService } from '../../../lib/lock/lock.service.js';
import { LockRefusedError, detailOf } from '../../../lib/lock/lock.errors.js';
import type { Callers } from '../../support/callers.js';
import { connect, NotedLog, openSite, type Site } from './site.js';

const NOT_ALLOWED = /^NOPERM.*\beval\b/;

describe('a user who may call scripts, and not send them', () => {
  let site: Site;
  let log: NotedLog;
  let callers: Callers;
  beforeEach(async () => {
    site = await openSite();
    log = new NotedLog();
    await site.admin.call('ACL', 'SETUSER', 'app', 'on', '>pw', '+@all', '-eval', '~*', '&*');
    const client = connect(site.server.port, { username: 'app', password: 'pw' });
    callers = site.another({ client, log });
    await site.admin.script('FLUSH');
  });
  afterEach(() => site.close());

  it("Three answers: is refused in the server's words while the server does not know the script, which is told once", async () => {
    for (let round = 0; round < 10; round += 1) {
      await expect(callers.take(`order:${round}`)).rejects.toThrow(NOT_ALLOWED);
      await expect(callers.tryTake(`order:${round}`)).rejects.toThrow(NOT_ALLOWED);
    }
    const locks = new LockService({ store: callers.store, ownsStore: false });
    const refused = await locks.acquire('a\r\nb').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LockRefusedError);
    expect(detailOf(refused)).toContain('"a\\r\\nb"');
    await locks.close();

    expect(log.lines).toEqual([expect.stringMatching(/^error .*ACL rules.*NOPERM.*eval/)]);
  });

  it('Three answers: has its locks when somebody else has sent it', async () => {
    await site.there.release(await site.there.take('warm'));

    expect(await callers.release(await callers.take('order:42'))).toBe(true);
    expect(log.lines).toEqual([]);
  });
});
