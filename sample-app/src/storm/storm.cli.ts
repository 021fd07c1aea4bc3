import { launch } from '../launch/launch.js';
import { untilSignal } from '../launch/until-signal.js';
import { runStorm, type StormResult } from './storm.js';
import { PLANS } from './storm.plans.js';
import type { About } from './storm.about.js';
import { table } from './storm.table.js';

/*
 * npm run storm              every plan in every mode
 * npm run storm -- rush      one plan
 * SHOP_INSTANCES=url,url npm run storm     at a shop that runs already
 */
const names = process.argv.slice(2);
const unknown = names.find((name) => !PLANS.some((plan) => plan.name === name));
if (unknown !== undefined) {
  console.error(
    `there is no storm "${unknown}"; there are ${PLANS.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const plans = PLANS.filter(({ name }) => names.length === 0 || names.includes(name));

const running = process.env['SHOP_INSTANCES']?.split(',');
const stopped = untilSignal().then(() => 130);
const shop = running ? undefined : await launch({ redisUrl: process.env['REDIS_URL'] });
let code = 1;
try {
  code = await Promise.race([fireAll(running ?? shop?.urls ?? []), stopped]);
} catch (error) {
  console.error(error);
} finally {
  await shop?.stop();
}
process.exit(code);

/** The exit code: 0 when every locked storm sold exactly what there was. */
async function fireAll(urls: readonly string[]): Promise<number> {
  const { store, modes } = await about(urls[0] ?? '');
  const instances = urls.length === 1 ? 'one instance' : `${urls.length} instances`;
  console.log(
    `${instances}, locks in ${store === 'redis' ? 'Redis' : 'memory: there is no Redis'}\n`,
  );
  const results: StormResult[] = [];
  for (const plan of plans) {
    for (const mode of modes) {
      results.push(await runStorm(urls, plan, mode));
    }
  }
  console.log(table(results));
  const wrong = results.filter((result) => result.mode === 'locked' && !isExact(result));
  for (const { plan, stock, sold, left, errors } of wrong) {
    console.error(`locked ${plan}: sold ${sold} of ${stock}, ${left} left, ${errors} errors`);
  }
  return wrong.length > 0 ? 1 : 0;
}

function isExact({ sold, stock, left, errors }: StormResult): boolean {
  return sold === stock && left === 0 && errors === 0;
}

async function about(url: string): Promise<About> {
  return (await (await fetch(`${url}/storms`)).json()) as About;
}
