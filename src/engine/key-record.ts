/**
 * A key's bytes on disk, laid out by hand since each grant writes them: the id (16 bytes), the time
 * of the grant (8), the terms and the holder, each MessagePack behind its length (2 bytes). Terms
 * and holders repeat from grant to grant, so their bytes are made once.
 */
import type { Client } from './client.ts';
import { decode, encode } from './codec.ts';
import { ID_BYTES } from './seat-key.ts';

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

/** Reads keys back. Terms that repeat become one object; holders are taken apart when asked for. */
export class KeyReader {
  readonly #terms = new Map<string, Terms>();
  #last: Terms = { license: '', count: 0, lifetimeMs: 0 };
  #lastBytes = Buffer.alloc(0);

  /** The key at `at`, and where it ends. */
  read(from: Buffer, at: number): { readonly key: KeyBody; readonly end: number } {
    const id = from.toString('latin1', at, at + ID_BYTES);
    const since = from.readDoubleBE(at + SINCE_AT);
    const termsAt = at + TERMS_AT;
    const holderAt = termsAt + LENGTH_BYTES + from.readUInt16BE(termsAt);
    const end = holderAt + LENGTH_BYTES + from.readUInt16BE(holderAt);
    const terms = this.#termsOf(from, termsAt + LENGTH_BYTES, holderAt);
    const holder = new StoredHolder(from.toString('latin1', holderAt + LENGTH_BYTES, end));
    return { key: { id, since, terms, holder }, end };
  }

  #termsOf(from: Buffer, start: number, end: number): Terms {
    // Most keys are for what the key before was for.
    if (from.compare(this.#lastBytes, 0, this.#lastBytes.length, start, end) === 0)
      return this.#last;
    const packed = from.toString('latin1', start, end);
    let terms = this.#terms.get(packed);
    if (terms === undefined) {
      terms = readTerms(packed);
      this.#terms.set(packed, terms);
    }
    this.#last = terms;
    this.#lastBytes = Buffer.from(packed, 'latin1');
    return terms;
  }
}

/** Terms from the text of their bytes. */
export function readTerms(packed: string): Terms {
  const [license, count, lifetimeMs] = unpacked(packed) as [string, number, number];
  return { license, count, lifetimeMs };
}

/** A holder as its record has it: a million of them are kept small, and few are ever looked at. */
export class StoredHolder implements Holder {
  readonly #packed: string;

  constructor(packed: string) {
    this.#packed = packed;
  }

  get user(): string {
    return this.#fields()[0];
  }

  get host(): string {
    return this.#fields()[1];
  }

  get pid(): number {
    return this.#fields()[2];
  }

  get address(): string {
    return this.#fields()[3];
  }

  get instance(): string {
    return this.#fields()[4];
  }

  #fields(): HolderFields {
    return unpacked(this.#packed) as HolderFields;
  }
}

type HolderFields = [user: string, host: string, pid: number, address: string, instance: string];

function unpacked(packed: string): unknown {
  return decode(Buffer.from(packed, 'latin1'));
}

export function bytesOfTerms(terms: Terms): Uint8Array {
  const known = termsBytes.get(terms);
  if (known !== undefined) return known;
  const bytes = encode([terms.license, terms.count, terms.lifetimeMs]);
  termsBytes.set(terms, bytes);
  return bytes;
}

export function bytesOfHolder(holder: Holder): Uint8Array {
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

/** Bytes as a Buffer, which reads numbers and texts; a view is made only where it must be. */
export function bufferOf(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
