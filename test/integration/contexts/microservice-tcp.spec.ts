import { Transport } from '@nestjs/microservices';
import { freePort } from '../../support/redis-server.js';
import { describeMicroservice } from './microservice.contract.js';

const host = '127.0.0.1';

describeMicroservice('a microservice over TCP', async () => ({
  port: await freePort(),
  service: (port) => ({ transport: Transport.TCP, options: { host, port } }),
  client: (port) => ({ transport: Transport.TCP, options: { host, port } }),
}));
