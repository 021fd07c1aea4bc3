import { granted, type Callers } from '../../support/callers.js';
import { connect, NotedLog, openSite, type Site } from './site.js';

describe('a user with few permissions', () => {
  let site: Site;
  let log: NotedLog;
  beforeEach(async () => {
    site = await openSite();
    log = new NotedLog();
  });
  afterEach(() => site.close());

  const callersWith = async (rules: string): Promise<Callers> => {
    await site.admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', ...rules.split(' '));
    const client = connect(site.server.port, { username: 'app', password: 'pw' });
    return site.another({ client, log });
  };
  const handOffs = async (callers: Callers, rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      const holder = await site.there.take('order:42');
      const heir = await callers.waitAsNumber(1, 'order:42');
      await site.there.release(holder);
      const grant = await granted(heir);
      const own = await callers.waitAsNumber(1, 'order:42');
      await callers.release(grant);
      await callers.release(await granted(own));
    }
  };

  it('Three answers: without channels locks work, and the rule to add is said once', async () => {
    await handOffs(await callersWith('+@all ~* resetchannels'), 10);

    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(
      /^warn Redis lets this user not subscribe on nest-locked:inbox:.*&nest-locked:inbox:\* \+subscribe \+publish/,
    );
  });

  it('Three answers: nor does a hand-off take longer than a quarter of a second', async () => {
    const callers = await callersWith('+@all ~* resetchannels');
    await handOffs(callers, 1);
    const holder = await site.there.take('order:42');
    const heir = await callers.waitAsNumber(1, 'order:42');
    const released = performance.now();
    await site.there.release(holder);
    await callers.release(await granted(heir));

    expect(performance.now() - released).toBeLessThan(250 + 100);
  });

  it.each(['-publish', '-subscribe', '-pubsub'])(
    'Three answers: with %s locks work all the same',
    async (rule) => {
      await handOffs(await callersWith(`+@all ${rule} ~* &*`), 3);

      expect(log.lines.length).toBeLessThanOrEqual(1);
    },
  );

  it('Three answers: without evalsha it is said once, with where the rules stand', async () => {
    const callers = await callersWith('+@all -evalsha ~* &*');

    for (let round = 0; round < 20; round += 1) {
      await expect(callers.tryTake(`order:${round}`)).rejects.toThrow(/^NOPERM.*evalsha/);
    }
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^error .*ACL rules in the README.*NOPERM.*evalsha/);
  });
});
