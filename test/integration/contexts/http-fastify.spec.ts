import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ground } from './ground.js';
import { describeHttp } from './http.contract.js';

describeHttp('HTTP on Fastify', (root, cuts = false) =>
  NestFactory.create(root, new FastifyAdapter({ forceCloseConnections: cuts }), {
    logger: ground.logger,
    abortOnError: false,
  }),
);
