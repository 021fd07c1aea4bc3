import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describeGraphql } from './graphql.contract.js';
import { ground } from './ground.js';

describeGraphql('GraphQL with Mercurius', {
  boot: (root) =>
    NestFactory.create(root, new FastifyAdapter(), { logger: ground.logger, abortOnError: false }),
  module: () =>
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
});
