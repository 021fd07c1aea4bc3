/**
 * Packs the library, installs the tarball in applications of somebody else's and runs them:
 * `npm run check:install`. Needs the package registry, so it is no part of `npm test`.
 */
import { join } from 'node:path';
import { Checks } from './checks.js';
import { consumers, type Consumer } from './consumers.js';
import { faultsOfTarball } from './tarball.js';
import { Workshop } from './workshop.js';

const checks = new Checks();
const workshop = new Workshop();

async function checkConsumer(consumer: Consumer, directory: string): Promise<void> {
  const { name: consumerName, source, without } = consumer;
  if (without.length > 0)
    await checks.check(`${consumerName}: really without ${without.join(', ')}`, () =>
      workshop.run(directory, process.execPath, ['absent.mjs', ...without]),
    );
  for (const compilation of consumer.compilations)
    await checks.check(`${consumerName}: types under ${compilation.name}`, () =>
      workshop.compile(directory, source, compilation),
    );
  const entries = without.includes('@nestjs/common') ? [] : ['nest-locked'];
  await checks.check(
    `${consumerName}: one class through import, require and each entry point`,
    () =>
      workshop.run(directory, process.execPath, ['identity.mjs', ...entries, 'nest-locked/core']),
  );
  for (const args of consumer.runs)
    for (const store of consumer.stores)
      await checks.check(`${consumerName}: ${args.join(' ')} on ${store}`, () =>
        workshop.start(directory, args, store),
      );
}

try {
  let tarball = '';
  const isPacked = await checks.check('npm pack', async () => {
    tarball = await workshop.pack();
  });
  if (isPacked) {
    await checks.check('the tarball: nothing missing, nothing too much', async () => {
      await workshop.run(workshop.folder, 'tar', ['-xzf', tarball]);
      const faults = faultsOfTarball(join(workshop.folder, 'package'));
      if (faults.length > 0) throw new Error(faults.join('\n'));
    });
    await Promise.all(
      consumers.map(async (consumer) => {
        let directory = '';
        const isInstalled = await checks.check(`${consumer.name}: npm install`, async () => {
          directory = await workshop.install(consumer, tarball);
        });
        if (isInstalled) await checkConsumer(consumer, directory);
      }),
    );
  }
} finally {
  workshop.close();
}
checks.end();
