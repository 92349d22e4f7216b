/** A server that says hello, and then does what the test wants: answers nothing, reads nothing. */
import { afterEach } from 'bun:test';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { RlfServer } from '../../src/engine/license/types.ts';
import { encodeFrame, FrameParser } from '../../src/net/frames.ts';
import { createIdentity } from '../../src/net/identity.ts';
import { MessageType } from '../../src/net/protocol.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

export class FakePeer {
  readonly server: RlfServer;
  connections = 0;
  bytes = 0;
  /** Of all that came after the hello. */
  readonly received: (readonly unknown[])[] = [];

  private constructor(server: RlfServer) {
    this.server = server;
  }

  /** `onLinked` gets the socket of each connection once it was greeted. */
  static async start(onLinked: (socket: TLSSocket) => void): Promise<FakePeer> {
    const { keyPem: key, certificatePem: cert, fingerprint } = await createIdentity('B');
    const sockets = new Set<TLSSocket>();
    const listener = createServer({ key, cert, minVersion: 'TLSv1.3' }, (socket) => {
      sockets.add(socket.on('error', () => undefined));
      peer.#serve(socket, onLinked);
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const peer = new FakePeer({ name: 'B', address: `127.0.0.1:${port}`, fingerprint });
    closers.push(() => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    });
    return peer;
  }

  #serve(socket: TLSSocket, onLinked: (socket: TLSSocket) => void): void {
    this.connections++;
    const parser = new FrameParser(1 << 24);
    socket.on('data', (chunk: Uint8Array) => {
      this.bytes += chunk.length;
      parser.push(chunk, (message) => {
        if (message[0] === MessageType.hello) {
          const welcome = [
            MessageType.welcome,
            message[1],
            1,
            'east',
            'B',
            1,
            '',
            1,
            [],
            [1, 1, 5, 1],
          ];
          socket.write(encodeFrame(welcome));
          onLinked(socket);
        } else {
          this.received.push(message);
        }
        return true;
      });
    });
  }
}
