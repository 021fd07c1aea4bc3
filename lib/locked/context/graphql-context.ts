import type { ArgumentsHost } from '@nestjs/common';
import type { LockError } from '../../lock/lock.errors.js';
import { goneWithResponse, nodeResponse, type ClientGone } from './client-gone.js';
import type { ContextAdapter } from './context-adapter.js';

/** What servers put into the context of a query to say whose it is. */
interface GraphqlRequestContext {
  /** Apollo, with Express and with Fastify. */
  readonly res?: unknown;
  readonly req?: { readonly res?: unknown };
  /** Mercurius. */
  readonly reply?: unknown;
}

/** Resolvers, with Apollo or Mercurius: `{ message, extensions: { code, retryAfter } }`. */
export class GraphqlContext implements ContextAdapter {
  readonly type = 'graphql';

  clientGone(context: ArgumentsHost): ClientGone | undefined {
    // The arguments of a resolver: parent, arguments, context, info.
    const { res, req, reply } = context.getArgByIndex<GraphqlRequestContext | undefined>(2) ?? {};
    const response = nodeResponse(res ?? reply ?? req?.res);
    return response && goneWithResponse(response);
  }

  answer(error: LockError): never {
    throw new GraphqlLockError(error);
  }
}

/** A lock error as a client of GraphQL may see it; Apollo shows it the stack while developing. */
class GraphqlLockError extends Error {
  readonly extensions: object;

  constructor(error: LockError) {
    const { message, ...extensions } = error.toJSON();
    super(message, { cause: error });
    this.name = error.name;
    this.stack = `${error.name}: ${message}`;
    this.extensions = extensions;
  }
}
