import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { told } from './contract.js';
import { GraphqlClient, describeGraphql, type GraphqlServer } from './graphql.contract.js';
import { KEY, ground, newGround } from './ground.js';

/** @param showsStacks as Apollo does by default while `NODE_ENV` is neither production nor test */
const apollo = (showsStacks: boolean): GraphqlServer => ({
  boot: (root) => NestFactory.create(root, { logger: ground.logger, abortOnError: false }),
  module: () =>
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      playground: false,
      includeStacktraceInErrorResponses: showsStacks,
    }),
});

describeGraphql('GraphQL with Apollo', apollo(false));

describe('GraphQL with Apollo that shows stacks', () => {
  let client: GraphqlClient;
  beforeEach(async () => {
    newGround();
    client = await GraphqlClient.start(apollo(true));
  });
  afterEach(() => client.close());

  it('that of a lock error has no frames, and none has the key', async () => {
    await using lock = await ground.take();
    expect(lock.isHeld()).toBe(true);
    const { message, ...extensions } = told('LOCK_BUSY');
    expect(await client.call('quick')).toEqual([
      { message, extensions: { ...extensions, stacktrace: [`LockBusyError: ${message}`] } },
    ]);
    expect((await client.ask('{ order { total } }')).errors).toHaveLength(1);
    expect(client.recorder.bytes).not.toContain(KEY);
    expect(client.recorder.bytes).not.toContain(`:${process.pid}`);
  });
});
