import type { ArgumentsHost } from '@nestjs/common';
import type { LockError } from '../../lock/lock.errors.js';
import { goneWith, type ClientGone, type Closing } from './client-gone.js';
import type { ContextAdapter } from './context-adapter.js';

/** A socket of socket.io. */
interface IoSocket extends Closing {
  readonly disconnected: boolean;
  emit(event: string, data: unknown): unknown;
}

/** A socket of `ws`. */
interface PlainSocket extends Closing {
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  send(text: string): void;
}

const OPEN = 1;
const GONE = 'the client has disconnected';

/** Gateways, with socket.io or `ws`: an event `exception` with `{ status: 'error', code, message, retryAfter }`. */
export class WsContext implements ContextAdapter {
  readonly type = 'ws';

  clientGone(context: ArgumentsHost): ClientGone {
    const client = clientOf(context);
    return isPlain(client)
      ? goneWith(client, 'close', () => client.readyState > OPEN, GONE)
      : goneWith(client, 'disconnect', () => client.disconnected, GONE);
  }

  answer(error: LockError, context: ArgumentsHost): undefined {
    const client = clientOf(context);
    const ws = context.switchToWs();
    // As Nest has it: a client knows by the cause which of its messages it is about.
    const cause = { pattern: ws.getPattern(), data: ws.getData<unknown>() };
    const data = { status: 'error', ...error.toJSON(), cause };
    if (!isPlain(client)) client.emit('exception', data);
    else if (client.readyState === OPEN) client.send(JSON.stringify({ event: 'exception', data }));
    return undefined;
  }
}

function clientOf(context: ArgumentsHost): IoSocket | PlainSocket {
  return context.switchToWs().getClient<IoSocket | PlainSocket>();
}

/** `ws` has no events of the application's: its `emit` would reach nobody. */
function isPlain(client: IoSocket | PlainSocket): client is PlainSocket {
  return 'readyState' in client;
}
