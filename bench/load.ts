/**
 * Load on one server: connections that ask for a seat and give it back, as fast as they are
 * answered, one at a time or several deep. The same frames go to the echo server, whose rate is the
 * yardstick: what TLS, framing and MessagePack alone allow on this machine.
 */
import { randomBytes } from 'node:crypto';
import { encodeFrame, FrameParser } from '../src/net/frames.ts';
import { MessageType, PROTOCOL_MAX, PROTOCOL_MIN } from '../src/net/protocol.ts';

export interface Load {
  readonly port: number;
  readonly connections: number;
  /** Requests that a connection has under way at once. */
  readonly depth: number;
  readonly durationMs: number;
}

export interface LoadResult {
  /** Messages answered per second; a seat taken and given back is two. */
  readonly rate: number;
  readonly denied: number;
}

interface Counter {
  answered: number;
  denied: number;
  stopped: boolean;
}

const { hello, request, release, welcome, denied } = MessageType;
const FRAME_BYTES_MAX = 64 * 1024;
const NO_TICKET = new Uint8Array(0);

/** Warms up for a fifth of the time, then counts. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const counter: Counter = { answered: 0, denied: 0, stopped: false };
  const clients = await Promise.all(
    Array.from({ length: load.connections }, () => connect(load, counter)),
  );
  await Bun.sleep(load.durationMs / 5);
  const from = { answered: counter.answered, at: performance.now() };
  await Bun.sleep(load.durationMs);
  const rate = ((counter.answered - from.answered) * 1_000) / (performance.now() - from.at);
  counter.stopped = true;
  for (const client of clients) client.end();
  return { rate, denied: counter.denied };
}

async function connect({ port, depth }: Load, counter: Counter) {
  const parser = new FrameParser(FRAME_BYTES_MAX);
  const chains = Array.from({ length: depth }, () => new Uint8Array(0));
  const greeted = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    tls: { rejectUnauthorized: false },
    socket: {
      data(to, chunk) {
        const frames: Uint8Array[] = [];
        parser.push(chunk, (message) => {
          if (message[0] === welcome || message[0] === hello) greeted.resolve();
          else answer(message, chains, counter, frames);
          return true;
        });
        if (frames.length > 0 && !counter.stopped) to.write(Buffer.concat(frames));
      },
      // Before the handshake a socket takes no bytes.
      handshake: (to) => void to.write(helloFrame()),
      close: () => greeted.reject(new Error('the server closed the connection')),
      error: (_, error) => greeted.reject(error),
    },
  });
  await greeted.promise;
  socket.write(Buffer.concat(chains.map((_, chain) => ask(chains, chain))));
  return socket;
}

/** Sequence numbers name the chain and the step: an echo brings them back like an answer does. */
function answer(
  message: readonly unknown[],
  chains: Uint8Array[],
  counter: Counter,
  frames: Uint8Array[],
): void {
  const sequence = Number(message[1]);
  const chain = sequence >> 1;
  counter.answered++;
  if (message[0] === denied) counter.denied++;
  const held = sequence % 2 === 0 && message[0] !== denied;
  frames.push(held ? giveBack(chains, chain) : ask(chains, chain));
}

function ask(chains: Uint8Array[], chain: number): Uint8Array {
  const key = randomBytes(16);
  chains[chain] = key;
  return encodeFrame([request, chain * 2, key, null, 'Application', '1.0', 1, 0, 0]);
}

function giveBack(chains: Uint8Array[], chain: number): Uint8Array {
  return encodeFrame([release, chain * 2 + 1, chains[chain], NO_TICKET]);
}

function helloFrame(): Uint8Array {
  const holder = ['bench', 'localhost', process.pid];
  const instance = randomBytes(16);
  const range = [PROTOCOL_MIN, PROTOCOL_MAX] as const;
  return encodeFrame([hello, 1, ...range, 'client', null, 'bench', instance, holder]);
}
