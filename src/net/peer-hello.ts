/** How servers of a pool introduce themselves, and whom they let in (DESIGN section 9). */
import { LmError } from '../engine/errors.ts';
import type { Rlf } from '../engine/license/types.ts';
import type { PeerGreeting } from '../engine/peer-messages.ts';
import { isSameEpoch, leftBehind } from '../engine/pool/epoch-peers.ts';
import type { ServerId } from '../engine/raft/types.ts';
import { readStarts } from '../engine/starts.ts';
import { errorFrom, readServerMessage } from './client/replies.ts';
import { check, type Fields, isCount } from './field-checks.ts';
import {
  type GreetingFields,
  type Hello,
  MessageType,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
} from './protocol.ts';

const GREETING_FIELDS = 4;
const INSTANCE_BYTES = 16;

export interface Introduction {
  readonly pool: string;
  /** The server's name, for people. */
  readonly name: string;
  readonly fingerprint: ServerId;
  readonly greeting: PeerGreeting;
}

export function peerHello({ pool, name, fingerprint, greeting }: Introduction): Hello {
  // A server needs no random instance: its key says who it is.
  const instance = new Uint8Array(Buffer.from(fingerprint.slice(-2 * INSTANCE_BYTES), 'hex'));
  const versions = [PROTOCOL_MIN, PROTOCOL_MAX] as const;
  const who = ['peer', pool, 'lm-server', instance, [name, '', 0]] as const;
  return [MessageType.hello, 1, ...versions, ...who, greetingFields(greeting)] as unknown as Hello;
}

/** Clocks count fractions, the wire whole milliseconds. */
export function greetingFields(greeting: PeerGreeting): GreetingFields {
  const { boot, transaction, start, uptimeMs, rlfSequence, epoch = 1, format = 1 } = greeting;
  const { earlier = [] } = greeting;
  const fields = [boot, transaction, start, Math.max(0, Math.floor(uptimeMs))] as const;
  return rlfSequence === undefined ? [...fields] : [...fields, rlfSequence, epoch, format, earlier];
}

/** @throws LmError `protocol` where a server does not say how its disk and its clock stand. */
export function readGreeting(value: unknown): PeerGreeting {
  checkGreeting(value);
  const [boot, transaction, start, uptimeMs, rlfSequence, epoch, format, earlier] = value;
  return {
    ...{ boot, transaction, start, uptimeMs },
    ...(isCount(rlfSequence) ? { rlfSequence } : {}),
    ...(isCount(epoch) ? { epoch } : {}),
    ...(isCount(format) ? { format } : {}),
    ...(Array.isArray(earlier) ? { earlier: readStarts(earlier) } : {}),
  };
}

/** @throws LmError `protocol`, as `readGreeting`. */
export function checkGreeting(value: unknown): asserts value is GreetingFields {
  check(
    Array.isArray(value) &&
      value.length >= GREETING_FIELDS &&
      value.slice(0, GREETING_FIELDS).every(isCount),
    'a server greets with its boot counter, its last transaction and its time on line',
  );
}

/** What answers a hello: the protocol to speak, and how the other server stands. */
export interface Welcomed {
  readonly protocol: number;
  readonly greeting: PeerGreeting;
}

/**
 * Reads the answer to a hello.
 *
 * @throws LmError what the other server refuses this one for; `protocol` for any other answer.
 */
export function readWelcome(fields: Fields): Welcomed {
  const message = readServerMessage(fields);
  if (message?.[0] !== MessageType.welcome) throw refusalIn(fields);
  const [, , protocol] = message;
  const isCommon = protocol >= PROTOCOL_MIN && protocol <= PROTOCOL_MAX;
  check(isCommon, 'a welcome names a protocol that both sides speak');
  return { protocol, greeting: readGreeting(message[9]) };
}

/** What the other side says it refuses this one for. */
export function refusalIn(fields: Fields): LmError {
  const message = readServerMessage(fields);
  check(message?.[0] === MessageType.error, 'a hello is answered by a welcome or an error');
  const [, , code, text, hint, details] = message;
  return errorFrom(code, text, hint, details);
}

/** Who asks to be taken for a server of the pool. */
export interface PeerClaim {
  readonly hello: Hello;
  /** Of the key that the connection proved, or null where it showed none. */
  readonly fingerprint: string | null;
}

/** Whom to let in: what the RLF in force says. */
export type PoolServers = Pick<Rlf, 'pool' | 'sequence' | 'servers'>;

export interface Admitted {
  readonly fingerprint: ServerId;
  /** False for a stranger: it may offer an RLF, whose signature speaks for it, and nothing else. */
  readonly isMember: boolean;
}

/**
 * The server that says hello, other than this one.
 *
 * @throws LmError `untrusted` for another pool, `not-authorized` where it shows no key of its own.
 */
export function admitPeer(
  { hello, fingerprint }: PeerClaim,
  own: ServerId,
  rlf: PoolServers,
): Admitted {
  const pool = hello[5];
  if (pool !== rlf.pool) {
    const named = pool === null ? 'no pool' : `pool ${pool}`;
    const message = `This server belongs to pool ${rlf.pool}; the other one named ${named}.`;
    throw new LmError('untrusted', message, CHECK_RLF, { pool: rlf.pool });
  }
  if (fingerprint === null) {
    const message = 'A server shows the TLS key that the RLF names, and this one showed none.';
    throw new LmError('not-authorized', message, 'Connect as a client.');
  }
  if (fingerprint === own) {
    const message = 'The other server has the key of this one.';
    throw new LmError('not-authorized', message, 'Stop whichever runs on a copied directory.');
  }
  const isMember = rlf.servers.some((server) => server.fingerprint === fingerprint);
  return { fingerprint, isMember };
}

/** @throws LmError `not-authorized`: the pool was restarted without that server. */
export function refuseLeftBehind({ epoch = 1 }: PeerGreeting, own: PeerGreeting): void {
  const { epoch: current = 0 } = own;
  if (epoch < current && !isSameEpoch(epoch, current)) throw leftBehind(current);
}

/** Whether another server refused this one for that. */
export function isLeftBehind({ code, details }: LmError, { epoch = 1 }: PeerGreeting): boolean {
  const { epoch: current } = details;
  return code === 'not-authorized' && isCount(current) && current > epoch && epoch > 0;
}

/** What a server hears that no RLF in force names, and that has more to say than an RLF. */
export function notNamed(fingerprint: ServerId, { pool, sequence }: PoolServers): LmError {
  const message = `RLF ${sequence} of pool ${pool} names no server with this key.`;
  return new LmError('not-authorized', message, CHECK_RLF, { fingerprint, sequence });
}

export function tooManyStrangers(): LmError {
  const message = 'Too many servers that are not of this pool are connected already.';
  return new LmError('busy', message, 'Try again in a moment.');
}

const CHECK_RLF = 'Check the address, and that both servers have the same RLF.';
