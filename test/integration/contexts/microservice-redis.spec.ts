import { Transport } from '@nestjs/microservices';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { describeMicroservice } from './microservice.contract.js';

const host = '127.0.0.1';
let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

describeMicroservice('a microservice over Redis', async () =>
  Promise.resolve({
    port: server.port,
    service: (port) => ({ transport: Transport.REDIS, options: { host, port } }),
    client: (port) => ({ transport: Transport.REDIS, options: { host, port } }),
  }),
);
