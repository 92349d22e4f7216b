/**
 * A client of the bare wire (docs/PROTOCOL.md), which can also break every rule of it. It checks no
 * key: whom it talks to the tests know.
 */
import type { Socket } from 'bun';
import { encodeFrame, FrameParser } from '../../src/net/frames.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { until } from '../client/until.ts';

export type Message = readonly unknown[];

const FRAME_BYTES_MAX = 4 * 1024 * 1024;

export interface RawOptions {
  /** Plain TCP instead of TLS. */
  readonly plain?: boolean;
  /** Takes each message as it comes; they are gathered in `received` unless it returns true. */
  readonly onMessage?: (message: Message) => boolean;
}

export class RawClient {
  readonly received: Message[] = [];
  bytesReceived = 0;
  closed = false;
  readonly #parser = new FrameParser(FRAME_BYTES_MAX);
  readonly #options: RawOptions;
  #socket: Socket<undefined> | null = null;
  #unsent: Uint8Array[] = [];
  #sequence = 100;

  private constructor(options: RawOptions) {
    this.#options = options;
  }

  /** Connects, and says nothing yet. */
  static async connect(port: number, options: RawOptions = {}): Promise<RawClient> {
    const client = new RawClient(options);
    const handshake = Promise.withResolvers<void>();
    client.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      ...(options.plain === true ? {} : { tls: { rejectUnauthorized: false } }),
      socket: {
        handshake: () => handshake.resolve(),
        data: (_, chunk) => client.#receive(chunk),
        drain: () => client.#write(),
        close: () => {
          client.closed = true;
          handshake.resolve();
        },
        error: () => undefined,
      },
    });
    if (options.plain !== true) await handshake.promise;
    return client;
  }

  /** Connects and says hello. */
  static async greet(port: number, options: RawOptions = {}): Promise<RawClient> {
    const client = await RawClient.connect(port, options);
    client.send(hello());
    await client.reply(1);
    return client;
  }

  send(message: Message): void {
    this.sendBytes(encodeFrame(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#unsent.push(bytes);
    this.#write();
  }

  /** Sends `[type, number, ...fields]` under a number of its own, and resolves to the reply. */
  async ask(type: number, ...fields: unknown[]): Promise<Message> {
    this.#sequence++;
    const sequence = this.#sequence;
    this.send([type, sequence, ...fields]);
    return await this.reply(sequence);
  }

  /** The first message that answers this number, taken out of `received`. */
  async reply(sequence: number): Promise<Message> {
    const at = () => this.received.findIndex((message) => message[1] === sequence);
    await until(() => at() !== -1 || this.closed, `message ${sequence} is answered`, 30_000);
    const [message] = at() === -1 ? [] : this.received.splice(at(), 1);
    if (message === undefined) throw new Error(`the connection closed before reply ${sequence}`);
    return message;
  }

  /** What the server said when it refused this connection, once it closed it. */
  async refusal(): Promise<Message | undefined> {
    await until(() => this.closed, 'the server closes the connection', 30_000);
    return this.received.find(([type]) => type === MessageType.error);
  }

  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  /** Stops reading what the server sends. */
  pause(): void {
    this.#socket?.pause();
  }

  close(): void {
    this.#socket?.terminate();
  }

  #receive(chunk: Uint8Array): void {
    this.bytesReceived += chunk.length;
    if (this.#options.plain === true) return;
    // What the parser hands on are views of a buffer that is used again.
    this.#parser.push(chunk.slice(), (message) => {
      if (this.#options.onMessage?.(message) !== true) this.received.push(message);
      return true;
    });
  }

  #write(): void {
    while (!this.closed && this.#socket !== null) {
      const [first] = this.#unsent;
      if (first === undefined) return;
      const sent = Math.max(0, this.#socket.write(first));
      if (sent < first.length) {
        this.#unsent[0] = first.subarray(sent);
        return;
      }
      this.#unsent.shift();
    }
  }
}

/** A hello as docs/PROTOCOL.md describes it, with some fields of its own. */
export function hello(
  own: {
    readonly versions?: readonly [unknown, unknown];
    readonly role?: unknown;
    readonly pool?: unknown;
    readonly holder?: unknown;
  } = {},
): Message {
  const { versions = [1, 1], role = 'client', pool = null, holder = ['anna', 'desk1', 7] } = own;
  const instance = crypto.getRandomValues(new Uint8Array(16));
  return [MessageType.hello, 1, ...versions, role, pool, 'raw/1', instance, holder];
}

export function newKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}

/** The fields of a request behind its number. */
export function wish(key: Uint8Array, application: string, count = 1, patienceMs = 0): Message {
  return [key, null, application, null, count, patienceMs, 0];
}

export const NO_TICKET = new Uint8Array(0);

export interface RawStatus {
  readonly document: Record<string, unknown>;
  /** Each authorization as it came. */
  readonly authorizations: readonly Message[];
}

/** Reads the status page by page. */
export async function rawStatus(client: RawClient): Promise<RawStatus> {
  const authorizations: Message[] = [];
  let document: Record<string, unknown> = {};
  let after: unknown = null;
  do {
    const page = await client.ask(MessageType.status, null, null, null, after);
    document = (page[2] ?? document) as Record<string, unknown>;
    authorizations.push(...(page[3] as Message[]));
    after = page[4];
  } while (after !== null);
  return { document, authorizations };
}
