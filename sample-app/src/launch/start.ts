import { launch, type Shop } from './launch.js';
import { untilSignal } from './until-signal.js';

// Listening before anything is started: whatever the moment of a Ctrl-C, all of it is stopped.
let stopped: string | undefined;
const signal = untilSignal().then((name) => (stopped = name));
try {
  const shop = await launch({
    redisUrl: process.env['REDIS_URL'],
    port: process.env['PORT'] ? Number(process.env['PORT']) : undefined,
  });
  if (!stopped) console.log(announce(shop));
  const reason = await Promise.race([signal, firstExit(shop)]);
  console.log(`\n${reason}: closing the shop`);
  await shop.stop();
} catch (error) {
  // A Ctrl-C reaches the instances as well: those that were still starting did not make it.
  if (!stopped) console.error(error);
}
process.exit(stopped ? 0 : 1);

function announce({ urls, where, redisUrl }: Shop): string {
  const locks = {
    given: `the locks are in Redis at ${hideSecrets(redisUrl)} (REDIS_URL)`,
    private: `the locks are in a redis-server started for this run, ${hideSecrets(redisUrl)}`,
    memory:
      'there is no REDIS_URL and no redis-server on the PATH: one instance, the locks in its memory',
  }[where];
  const instances = urls.map((url, index) => `  instance ${index + 1}  ${url}`);
  return [
    '',
    'The flash sale',
    ...instances,
    `  ${locks}`,
    '',
    `  open ${urls[0] ?? ''}`,
    '  Ctrl-C ends it',
    '',
  ].join('\n');
}

function hideSecrets(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) return url ?? '';
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function firstExit({ instances }: Shop): Promise<string> {
  return new Promise((resolve) => {
    for (const instance of instances) {
      instance.onExit(() => resolve(`the instance at ${instance.url} ended`));
    }
  });
}
