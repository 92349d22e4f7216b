/**
 * The records on disk: which spaces there are and how their keys and values read. Space `m`
 * (identity, counters) belongs to the data directory; the rest is the core's.
 */
import { decode, encode } from './codec.ts';

/** One record to write; a null value deletes it. */
export interface Write {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** Records as the core finds them when it starts. */
export interface RecordSource {
  get(key: Uint8Array): Uint8Array | null;
  /** Records whose key begins with `prefix`, in key order. */
  scan(prefix: Uint8Array): Iterable<readonly [key: Uint8Array, value: Uint8Array]>;
}

/** The first byte of a record's key. */
export const Space = {
  /** Accounts, by license. */
  account: 0x61,
  /** Seats held without heartbeats, by id. */
  held: 0x68,
  /** What became of keys since the last checkpoint of their table, by batch. */
  journal: 0x6a,
  /** Key table, by number. */
  key: 0x6b,
  /** Ledger entries, by index. */
  log: 0x6c,
  /** The most that other servers of the pool showed of themselves, by server. */
  peer: 0x70,
  /** Text of the RLF in force. */
  rlf: 0x72,
  /** State of the ledger: what is applied, the mark, the servers, the secret. */
  state: 0x73,
  /** Keys that left a fenced server, by server and id. */
  moved: 0x76,
  /** Raft's hard state: term and vote. */
  vote: 0x77,
} as const;

export type SpaceByte = (typeof Space)[keyof typeof Space];

/** The space and 48 bits, which no counter of lm outlives. */
const NUMBER_KEY_BYTES = 7;

export function spacePrefix(space: SpaceByte): Uint8Array {
  return Uint8Array.of(space);
}

function bytesKey(space: SpaceByte, bytes: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + bytes.length);
  key[0] = space;
  key.set(bytes, 1);
  return key;
}

/** A key of text behind its space: licenses. */
export function textKey(space: SpaceByte, text: string): Uint8Array {
  return bytesKey(space, Buffer.from(text, 'utf8'));
}

/** A key of a number behind its space, big-endian so that key order is number order. */
export function numberKey(space: SpaceByte, number: number): Uint8Array {
  const key = Buffer.allocUnsafe(NUMBER_KEY_BYTES);
  key[0] = space;
  key.writeUInt16BE(Math.floor(number / 2 ** 32), 1);
  key.writeUInt32BE(number >>> 0, 3);
  return key;
}

export function numberOfKey(key: Uint8Array): number {
  let number = 0;
  for (let at = 1; at < NUMBER_KEY_BYTES; at++) number = number * 256 + (key[at] ?? 0);
  return number;
}

/** Records are small values of MessagePack; one place writes and reads them. */
export function put(key: Uint8Array, value: unknown): Write {
  return { key, value: encode(value) };
}

export function drop(key: Uint8Array): Write {
  return { key, value: null };
}

export function read(value: Uint8Array): unknown {
  return decode(value);
}
