import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { readConfig } from './shop.config.js';

const config = readConfig();
const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), {
  logger: ['error', 'warn'],
  // Browsers keep connections open; a shutdown must not wait for them.
  forceCloseConnections: true,
});
app.useStaticAssets(fileURLToPath(new URL('../../public', import.meta.url)));
app.enableShutdownHooks();
await app.listen(config.port, config.host);

if (process.send) {
  process.send('listening');
  // The launcher is gone without a word: do not outlive it.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
} else {
  console.log(`The shop is open at ${await app.getUrl()}`);
}
