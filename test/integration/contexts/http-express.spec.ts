import { NestFactory } from '@nestjs/core';
import { ground } from './ground.js';
import { describeHttp } from './http.contract.js';

describeHttp('HTTP on Express', (root, cuts = false) =>
  NestFactory.create(root, {
    logger: ground.logger,
    abortOnError: false,
    forceCloseConnections: cuts,
  }),
);
