import { request } from 'node:http';
import { Module, UseInterceptors, type INestApplication, type Type } from '@nestjs/common';
import {
  Mutation,
  Parent,
  Query,
  ResolveField,
  Resolver,
  ObjectType,
  Field,
} from '@nestjs/graphql';
import type { DynamicModule } from '@nestjs/common';
import { Locked } from '../../../lib/index.js';
import { describeContext, told, type Client, type HandlerName } from './contract.js';
import { KEY, Watching, ground, leaksIn, newGround } from './ground.js';
import { Recorder } from './recorder.js';

@ObjectType()
class Order {
  @Field(() => String)
  id!: string;

  @Field(() => String)
  total!: string;
}

@Resolver(() => Order)
@UseInterceptors(Watching)
class Handlers {
  @Mutation(() => String)
  @Locked(KEY, { waitTime: 0 })
  quick(): Promise<string> {
    return ground.work();
  }

  @Mutation(() => String)
  @Locked(KEY, { waitTime: 60_000 })
  patient(): Promise<string> {
    return ground.work();
  }

  @Mutation(() => String)
  @Locked(KEY)
  losing(): Promise<string> {
    return ground.lose();
  }

  @Mutation(() => String, { nullable: true })
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  async skips(): Promise<string | undefined> {
    return ground.work();
  }

  @Query(() => Order)
  order(): { id: string } {
    return { id: '7' };
  }

  /** Nest asks neither interceptors nor filters about the fields of an object, unless it is told to. */
  @ResolveField(() => String)
  @Locked(KEY, { waitTime: 0 })
  total(@Parent() { id }: Order): Promise<string> {
    return Promise.resolve(`${id}.00`);
  }
}

interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: unknown }[];
}

export class GraphqlClient implements Client {
  private constructor(
    private readonly app: INestApplication,
    readonly recorder: Recorder,
  ) {}

  static async start(server: GraphqlServer): Promise<GraphqlClient> {
    @Module({ imports: [ground.locks(), server.module()], providers: [Handlers] })
    class App {}
    const app = await server.boot(App);
    await app.listen(0, '127.0.0.1');
    return new GraphqlClient(app, await Recorder.start(Number(new URL(await app.getUrl()).port)));
  }

  async call(handler: HandlerName): Promise<unknown> {
    const { data, errors } = await this.ask(`mutation { ${handler} }`);
    if (!errors) return data?.[handler];
    return errors.map(({ message, extensions }) => ({ message, extensions }));
  }

  leave(handler: HandlerName): () => void {
    const asked = request({ ...this.to, method: 'POST' });
    asked.on('error', () => undefined);
    asked.end(JSON.stringify({ query: `mutation { ${handler} }` }));
    return () => asked.destroy();
  }

  async ask(query: string): Promise<GraphqlAnswer> {
    const { host, port, path, headers } = this.to;
    const answer = await fetch(`http://${host}:${port}${path}`, {
      method: 'POST',
      headers: { ...headers, connection: 'close' },
      body: JSON.stringify({ query }),
    });
    return (await answer.json()) as GraphqlAnswer;
  }

  async close(): Promise<void> {
    this.recorder.close();
    await this.app.close();
  }

  private get to() {
    const { port } = this.recorder;
    const headers = { 'content-type': 'application/json' };
    return { host: '127.0.0.1', port, path: '/graphql', headers };
  }
}

/** One of the servers of GraphQL. */
export interface GraphqlServer {
  boot(root: Type): Promise<INestApplication>;
  module(): DynamicModule;
}

/** What is promised with each server of GraphQL. */
export function describeGraphql(name: string, server: GraphqlServer): void {
  describeContext(name, () => GraphqlClient.start(server), {
    error: ({ message, ...extensions }) => [{ message, extensions }],
    done: 'done',
    leaves: true,
  });

  describe(`${name}: fields, and handlers that are left out`, () => {
    let client: GraphqlClient;
    beforeEach(async () => {
      newGround();
      client = await GraphqlClient.start(server);
    });
    afterEach(() => client.close());

    it('a field whose lock is busy has the same form, without any filter', async () => {
      expect((await client.ask('{ order { total } }')).data).toEqual({ order: { total: '7.00' } });
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      const { errors } = await client.ask('{ order { total } }');
      const { message, ...extensions } = told('LOCK_BUSY');
      expect(errors).toMatchObject([{ message, extensions }]);
      expect(leaksIn(client.recorder.bytes)).toEqual([]);
    });

    it("whenBusy: 'skip' is null", async () => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      expect(await client.ask('mutation { skips }')).toEqual({ data: { skips: null } });
      expect(ground.runs).toBe(0);
    });
  });
}
