import { IoAdapter } from '@nestjs/platform-socket.io';
import { io } from 'socket.io-client';
import { describeWebsockets } from './websocket.contract.js';

describeWebsockets('web sockets with socket.io', {
  use: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
  connect: (port) =>
    new Promise((resolve, reject) => {
      const socket = io(`http://127.0.0.1:${port}`, {
        transports: ['websocket'],
        reconnection: false,
        forceNew: true,
      });
      socket.once('connect_error', reject);
      socket.once('connect', () =>
        resolve({
          send: (event, data) => void socket.emit(event, data),
          next: () =>
            new Promise((give) => {
              for (const event of ['told', 'exception']) {
                socket.once(event, (data: unknown) => give({ event, data }));
              }
            }),
          close: () => void socket.disconnect(),
        }),
      );
    }),
});
