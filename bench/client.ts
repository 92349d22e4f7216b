/**
 * A bare client of one server: the frames alone, without the fail-over of the client library, so
 * that what is timed is the server.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'bun';
import { encodeFrame, FrameParser } from '../src/net/frames.ts';
import { MessageType, PROTOCOL_MAX, PROTOCOL_MIN } from '../src/net/protocol.ts';

export type Message = readonly unknown[];

const { hello, welcome, request, release, heartbeat, waiting, denied, status } = MessageType;
const FRAME_BYTES_MAX = 4 * 1024 * 1024;
const NO_TICKET = new Uint8Array(0);

/** Connects and says hello; an echo server's hello will do for a welcome. */
export async function connect(
  port: number,
  { receive, closed }: { receive: (messages: Message[]) => void; closed?: () => void },
): Promise<Socket> {
  const parser = new FrameParser(FRAME_BYTES_MAX);
  const greeted = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    tls: { rejectUnauthorized: false },
    socket: {
      data(_, chunk) {
        const messages: Message[] = [];
        parser.push(chunk, (message) => {
          if (message[0] === welcome || message[0] === hello) greeted.resolve();
          else messages.push(message);
          return true;
        });
        if (messages.length > 0) receive(messages);
      },
      // Before the handshake a socket takes no bytes.
      handshake: (to) => void to.write(helloFrame()),
      close: () => {
        greeted.reject(new Error('the server closed the connection'));
        closed?.();
      },
      error: (_, error) => greeted.reject(error),
    },
  });
  await greeted.promise;
  return socket;
}

function helloFrame(): Uint8Array {
  const holder = ['bench', 'localhost', process.pid];
  const instance = randomBytes(16);
  const range = [PROTOCOL_MIN, PROTOCOL_MAX] as const;
  return encodeFrame([hello, 1, ...range, 'client', null, 'bench', instance, holder]);
}

export function requestFrame(sequence: number, key: Uint8Array, application: string): Uint8Array {
  return encodeFrame([request, sequence, key, null, application, '1.0', 1, 0, 0]);
}

export function releaseFrame(sequence: number, key: Uint8Array | undefined): Uint8Array {
  return encodeFrame([release, sequence, key, NO_TICKET]);
}

export interface Wish {
  readonly application: string;
  readonly count: number;
  readonly patienceMs: number;
  /** Default: an ordinary seat. */
  readonly holdMs?: number;
}

const ONE_SEAT: Wish = { application: 'Application', count: 1, patienceMs: 0 };

interface Call {
  readonly resolve: (answer: Message) => void;
  readonly reject: (error: Error) => void;
}

export class BenchClient {
  readonly #calls = new Map<number, Call>();
  #socket: Socket | null = null;
  #sequence = 1;

  static async connect(port: number): Promise<BenchClient> {
    const client = new BenchClient();
    client.#socket = await connect(port, {
      receive: (messages) => client.#receive(messages),
      closed: () => client.#lost(),
    });
    return client;
  }

  /** The ticket of a grant; null where it was denied. */
  async request(key: Uint8Array, wish = ONE_SEAT): Promise<Uint8Array | null> {
    const { application, count, patienceMs, holdMs = 0 } = wish;
    const fields = [key, null, application, '1.0', count, patienceMs, holdMs];
    const answer = await this.#call(request, fields);
    return answer[0] === denied ? null : (answer[2] as Uint8Array).slice();
  }

  async release(key: Uint8Array): Promise<void> {
    await this.#call(release, [key, NO_TICKET]);
  }

  /** Whether the seat goes on. */
  async heartbeat(key: Uint8Array, ticket: Uint8Array): Promise<boolean> {
    const [type] = await this.#call(heartbeat, [key, ticket]);
    return type === MessageType.alive;
  }

  /** The document of `lm status` for one license, as this server has it. */
  async status(application: string): Promise<Record<string, unknown>> {
    // No holder is of this name: authorizations are left out.
    const answer = await this.#call(status, [application, 'nobody', null, null]);
    return answer[2] as Record<string, unknown>;
  }

  close(): void {
    this.#socket?.end();
  }

  #call(type: number, fields: readonly unknown[]): Promise<Message> {
    if (this.#socket === null) throw new Error('the connection is lost');
    const sequence = ++this.#sequence;
    const call = Promise.withResolvers<Message>();
    this.#calls.set(sequence, call);
    this.#socket.write(encodeFrame([type, sequence, ...fields]));
    return call.promise;
  }

  #receive(messages: readonly Message[]): void {
    for (const message of messages) {
      // The place in the line: the answer is still to come.
      if (message[0] === waiting) continue;
      const sequence = Number(message[1]);
      this.#calls.get(sequence)?.resolve(message);
      this.#calls.delete(sequence);
    }
  }

  #lost(): void {
    this.#socket = null;
    for (const call of this.#calls.values()) call.reject(new Error('the connection is lost'));
    this.#calls.clear();
  }
}
