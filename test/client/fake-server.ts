/** A scripted server: speaks the frames and the hello, and leaves every answer to the test. */
import { X509Certificate } from 'node:crypto';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { encodeFrame, FrameParser } from '../../src/net/frames.ts';
import { createIdentity, fingerprintOf, type Identity } from '../../src/net/identity.ts';
import { MessageType } from '../../src/net/protocol.ts';

export type Fields = readonly unknown[];
export type Handler = (message: Fields, send: (reply: Fields) => void, peer: Peer) => void;

export interface Peer {
  readonly number: number;
  readonly destroy: () => void;
}

export interface FakeOptions {
  readonly name?: string;
  readonly pool?: string;
  readonly identity?: Identity;
  /** 0 for a free port. */
  readonly port?: number;
  readonly handler: Handler;
  /** Whether messages are kept in `received`. Default true. */
  readonly records?: boolean;
  readonly welcome?: Partial<{
    protocol: number;
    pool: string;
    rlfSequence: number;
    epoch: number;
    servers: readonly (readonly [string, string, string])[];
  }>;
}

export class FakeServer {
  readonly identity: Identity;
  readonly fingerprint: string;
  readonly name: string;
  /** Every message but hellos, in order of arrival, over all connections. */
  readonly received: Fields[] = [];
  readonly hellos: Fields[] = [];
  /** Bytes that arrived, whatever they meant. */
  bytes = 0;
  connections = 0;
  /** Who came at all, with or without a handshake to its end. */
  dialled = 0;
  readonly #options: FakeOptions;
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();

  private constructor(options: FakeOptions, identity: Identity) {
    this.#options = options;
    this.identity = identity;
    this.name = options.name ?? 'A';
    this.fingerprint = fingerprintOf(new X509Certificate(identity.certificatePem));
    const { keyPem: key, certificatePem: cert } = identity;
    this.#server = createServer({ key, cert, minVersion: 'TLSv1.3' }, (socket) => {
      this.#serve(socket);
    });
    this.#server.on('connection', () => {
      this.dialled++;
    });
  }

  static async start(options: FakeOptions): Promise<FakeServer> {
    const identity = options.identity ?? (await sharedIdentity());
    const fake = new FakeServer(options, identity);
    await new Promise<void>((resolve, reject) => {
      fake.#server.once('error', reject);
      fake.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return fake;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** How the client's options name and trust this server. */
  get trust(): { servers: string; trust: string } {
    return { servers: this.address, trust: this.fingerprint };
  }

  ofType(type: number): Fields[] {
    return this.received.filter((message) => message[0] === type);
  }

  /** Cuts every connection, as a crash does; new ones are still taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: TLSSocket): void {
    const parser = new FrameParser(1 << 20);
    const number = ++this.connections;
    const peer = { number, destroy: () => socket.destroy() };
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    const send = (reply: Fields) => {
      if (!socket.destroyed) socket.write(encodeFrame(reply));
    };
    socket.on('data', (chunk: Uint8Array) => {
      this.bytes += chunk.length;
      parser.push(chunk, (message) => {
        if (message[0] === MessageType.hello) this.#greet(message, send);
        else {
          if (this.#options.records !== false) this.received.push(message);
          this.#options.handler(message, send, peer);
        }
        return true;
      });
    });
  }

  #greet(hello: Fields, send: (reply: Fields) => void): void {
    if (this.#options.records !== false) this.hellos.push(hello);
    const { welcome = {}, pool = 'east' } = this.#options;
    const { protocol = 1, rlfSequence = 1, epoch = 0, servers = [] } = welcome;
    const name = welcome.pool ?? pool;
    const fields = [protocol, name, this.name, rlfSequence, 'digest', epoch, servers];
    send([MessageType.welcome, hello[1], ...fields]);
  }
}

let identity: Promise<Identity> | null = null;

/** One key pair for all fakes that don't need one of their own. */
export function sharedIdentity(): Promise<Identity> {
  identity ??= createIdentity('A');
  return identity;
}

export const TICKET = new Uint8Array(16).fill(7);

/** Grants, renews and releases whatever is asked. */
export function generous(lifetimeMs = 600_000): Handler {
  return (message, send) => {
    const [type, sequence] = message;
    const license = ['Acme', 'App', '1.0', message[6] ?? 1, 1];
    if (type === MessageType.request) {
      send([MessageType.grant, sequence, TICKET, lifetimeMs, ...license]);
    } else if (type === MessageType.heartbeat) {
      send([MessageType.alive, sequence, TICKET, lifetimeMs, 1]);
    } else if (type === MessageType.release) {
      send([MessageType.released, sequence, true, 1]);
    }
  };
}
