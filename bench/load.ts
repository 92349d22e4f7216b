/**
 * Load on one server: connections that ask for a seat and give it back, as fast as they are
 * answered, one at a time or several deep. The same frames go to the echo server, whose rate is the
 * yardstick: what TLS, framing and MessagePack alone allow on this machine.
 */
import { randomBytes } from 'node:crypto';
import { MessageType } from '../src/net/protocol.ts';
import { connect, type Message, releaseFrame, requestFrame } from './client.ts';
import { until } from './processes.ts';

export interface Load {
  readonly port: number;
  readonly connections: number;
  /** Requests that a connection has under way at once. */
  readonly depth: number;
  readonly durationMs: number;
  /** Default: `Application`. */
  readonly application?: string;
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
  /** Chains that are done, once it is stopped: they hold nothing. */
  ended: number;
}

const ENDED_MS_MAX = 10_000;

/** Warms up for a fifth of the time, then counts. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const counter: Counter = { answered: 0, denied: 0, stopped: false, ended: 0 };
  const clients = await Promise.all(
    Array.from({ length: load.connections }, () => start(load, counter)),
  );
  await Bun.sleep(load.durationMs / 5);
  const from = { answered: counter.answered, at: performance.now() };
  await Bun.sleep(load.durationMs);
  const rate = ((counter.answered - from.answered) * 1_000) / (performance.now() - from.at);
  counter.stopped = true;
  // What is taken is given back: the next load finds the seats of this one.
  const chains = load.connections * load.depth;
  await until('all seats are given back', ENDED_MS_MAX, async () => counter.ended === chains);
  for (const client of clients) client.end();
  return { rate, denied: counter.denied };
}

async function start({ port, depth, application = 'Application' }: Load, counter: Counter) {
  const next = (chain: number) => ask(chains, chain, application);
  const chains = Array.from({ length: depth }, () => new Uint8Array(0));
  const socket = await connect(port, {
    receive: (messages) => {
      const answered = messages.filter(([type]) => type !== MessageType.waiting);
      const frames = answered.map((message) => answer(message, { chains, counter, next }));
      socket.write(Buffer.concat(frames));
    },
  });
  socket.write(Buffer.concat(chains.map((_, chain) => next(chain))));
  return socket;
}

interface Chains {
  readonly chains: readonly Uint8Array[];
  readonly counter: Counter;
  readonly next: (chain: number) => Uint8Array;
}

/** Sequence numbers name the chain and the step: an echo brings them back like an answer does. */
function answer(message: Message, { chains, counter, next }: Chains): Uint8Array {
  const sequence = Number(message[1]);
  const chain = sequence >> 1;
  counter.answered++;
  if (message[0] === MessageType.denied) counter.denied++;
  const held = sequence % 2 === 0 && message[0] !== MessageType.denied;
  return held
    ? releaseFrame(chain * 2 + 1, chains[chain])
    : counter.stopped
      ? end(counter)
      : next(chain);
}

function end(counter: Counter): Uint8Array {
  counter.ended += 1;
  return NOTHING;
}

const NOTHING = new Uint8Array(0);

function ask(chains: Uint8Array[], chain: number, application: string): Uint8Array {
  const key = randomBytes(16);
  chains[chain] = key;
  return requestFrame(chain * 2, key, application);
}
