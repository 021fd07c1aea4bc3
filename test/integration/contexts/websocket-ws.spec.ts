import { once } from 'node:events';
import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocket } from 'ws';
import { describeWebsockets } from './websocket.contract.js';

describeWebsockets('web sockets with ws', {
  use: (app) => app.useWebSocketAdapter(new WsAdapter(app)),
  connect: async (port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    return {
      send: (event, data) => socket.send(JSON.stringify({ event, data })),
      next: async () => {
        const [message] = (await once(socket, 'message')) as [Buffer];
        return JSON.parse(message.toString()) as { event: string; data: unknown };
      },
      close: () => socket.terminate(),
    };
  },
});
