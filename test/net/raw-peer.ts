/** A server that keeps to no rule: dials with any key or none, says what the test says. */
import { afterEach } from 'bun:test';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { encodeFrame, FrameParser } from '../../src/net/frames.ts';
import type { Identity } from '../../src/net/identity.ts';
import { peerHello } from '../../src/net/peer-hello.ts';
import { MessageType } from '../../src/net/protocol.ts';

const sockets = new Set<TLSSocket>();
const closers: (() => void)[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const close of closers.splice(0)) close();
});

export class RawPeer {
  readonly received: (readonly unknown[])[] = [];
  closed = false;
  readonly #socket: TLSSocket;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    const parser = new FrameParser(1 << 20);
    sockets.add(socket);
    socket.on('data', (chunk: Uint8Array) => {
      parser.push(chunk, (message) => this.received.push(message) > 0);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** Types, and the codes of errors. */
  get answers(): unknown[] {
    return this.received.map(([type, , code]) => (type === MessageType.error ? code : type));
  }

  static async connect(port: number, identity: Identity | null): Promise<RawPeer> {
    const key = identity === null ? {} : { key: identity.keyPem, cert: identity.certificatePem };
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...key });
    const peer = new RawPeer(socket);
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    return peer;
  }

  send(...messages: (readonly unknown[])[]): void {
    this.#socket.write(Buffer.concat(messages.map((message) => encodeFrame(message))));
  }

  /** What a server of the pool would say. */
  hello(fingerprint: string, over: Readonly<Record<number, unknown>> = {}): readonly unknown[] {
    const greeting = { boot: 3, transaction: 7, start: 5, uptimeMs: 1_000.5 };
    const hello: unknown[] = peerHello({ pool: 'east', name: 'raw', fingerprint, greeting });
    for (const [at, value] of Object.entries(over)) hello[Number(at)] = value;
    return hello;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** An address that takes connections and never says a word: dials of it neither end nor fail. */
export function silentAddress(): Promise<string> {
  return addressOf(() => undefined);
}

/** An address where something listens that is no server of lm. */
export async function addressOf(onConnection: (socket: Socket) => void): Promise<string> {
  const taken = new Set<Socket>();
  const server = createServer((socket) => {
    taken.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    for (const socket of taken) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
