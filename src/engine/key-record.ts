/**
 * A key's bytes on disk, laid out by hand since each grant writes them: the id (16 bytes), the time
 * of the grant (8), the terms and the holder, each MessagePack behind its length (2 bytes). Terms
 * and holders repeat from grant to grant, so their bytes are made once.
 */
import type { Client } from './client.ts';
import { decode, encode } from './codec.ts';
import { ID_BYTES, idText } from './seat-key.ts';

/** Who holds a key, as status shows it, and the client instance it belongs to. */
export interface Holder {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly address: string;
  /** `idText` of the instance's 16 bytes. */
  readonly instance: string;
}

/** What a key was granted for. */
export interface Terms {
  readonly license: string;
  readonly count: number;
  readonly lifetimeMs: number;
}

/** A key as its record tells of it. */
export interface KeyBody {
  readonly id: string;
  /** Wall time of the grant, for people. */
  readonly since: number;
  readonly terms: Terms;
  readonly holder: Holder;
}

const SINCE_AT = ID_BYTES;
const TERMS_AT = SINCE_AT + 8;
const LENGTH_BYTES = 2;

const holders = new WeakMap<Client, Holder>();
const holderBytes = new WeakMap<Holder, Uint8Array>();
const termsBytes = new WeakMap<Terms, Uint8Array>();

/** One object for all the keys of a connection, which does not keep the connection itself. */
export function holderOf(client: Client): Holder {
  const known = holders.get(client);
  if (known !== undefined) return known;
  const { user, host, pid, address, instance } = client;
  const holder = { user, host, pid, address, instance };
  holders.set(client, holder);
  return holder;
}

/** How many bytes `writeKeyBody` writes. */
export function keyBodyBytes({ terms, holder }: KeyBody): number {
  return TERMS_AT + 2 * LENGTH_BYTES + bytesOfTerms(terms).length + bytesOfHolder(holder).length;
}

/** Writes a key at `at`; returns where it ends. */
export function writeKeyBody(into: Buffer, at: number, key: KeyBody): number {
  into.write(key.id, at, 'latin1');
  into.writeDoubleBE(key.since, at + SINCE_AT);
  const after = writeBlock(into, at + TERMS_AT, bytesOfTerms(key.terms));
  return writeBlock(into, after, bytesOfHolder(key.holder));
}

/** Reads keys back; terms and holders that repeat become one object each. */
export class KeyReader {
  readonly #terms = new Map<string, Terms>();
  readonly #holders = new Map<string, Holder>();

  /** The key at `at`, and where it ends. */
  read(from: Buffer, at: number): { readonly key: KeyBody; readonly end: number } {
    const id = idText(from.subarray(at, at + ID_BYTES));
    const since = from.readDoubleBE(at + SINCE_AT);
    const termsAt = at + TERMS_AT;
    const holderAt = termsAt + LENGTH_BYTES + from.readUInt16BE(termsAt);
    const end = holderAt + LENGTH_BYTES + from.readUInt16BE(holderAt);
    const terms = shared(this.#terms, block(from, termsAt, holderAt), readTerms);
    const holder = shared(this.#holders, block(from, holderAt, end), readHolder);
    return { key: { id, since, terms, holder }, end };
  }
}

/** Holders differ by process, so there may be as many as keys: only so many are remembered. */
const SHARED_MAX = 100_000;

function shared<T>(known: Map<string, T>, bytes: Buffer, make: (bytes: Uint8Array) => T): T {
  const text = bytes.toString('latin1');
  const first = known.get(text);
  if (first !== undefined) return first;
  const made = make(bytes);
  if (known.size < SHARED_MAX) known.set(text, made);
  return made;
}

function readTerms(bytes: Uint8Array): Terms {
  const [license, count, lifetimeMs] = decode(bytes) as [string, number, number];
  return { license, count, lifetimeMs };
}

function readHolder(bytes: Uint8Array): Holder {
  const fields = decode(bytes) as [string, string, number, string, string];
  const [user, host, pid, address, instance] = fields;
  return { user, host, pid, address, instance };
}

function bytesOfTerms(terms: Terms): Uint8Array {
  const known = termsBytes.get(terms);
  if (known !== undefined) return known;
  const bytes = encode([terms.license, terms.count, terms.lifetimeMs]);
  termsBytes.set(terms, bytes);
  return bytes;
}

function bytesOfHolder(holder: Holder): Uint8Array {
  const known = holderBytes.get(holder);
  if (known !== undefined) return known;
  const { user, host, pid, address, instance } = holder;
  const bytes = encode([user, host, pid, address, instance]);
  holderBytes.set(holder, bytes);
  return bytes;
}

function writeBlock(into: Buffer, at: number, bytes: Uint8Array): number {
  into.writeUInt16BE(bytes.length, at);
  into.set(bytes, at + LENGTH_BYTES);
  return at + LENGTH_BYTES + bytes.length;
}

function block(from: Buffer, at: number, end: number): Buffer {
  return from.subarray(at + LENGTH_BYTES, end);
}
