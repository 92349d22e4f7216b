/** The store on disk: one LMDB environment, records framed and checked (record-frame.ts). */
import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import type { RootDatabase } from 'lmdb';
import { assert, LmError } from '../../errors.ts';
import { asDiskError } from '../disk-error.ts';
import type { Store, Write } from '../store.ts';
import { loadLmdb } from './addon.ts';
import { findDamage } from './check.ts';
import { FrameDecoder, FrameEncoder } from './record-frame.ts';

/** The space of the store's own records and of the data directory's (data-directory.ts). */
const META_SPACE = 'm';
const TRANSACTION_KEY = metaKey('transaction');

/** Address space, not memory or disk. LMDB could grow its map, but a failure to would crash it. */
const MAP_BYTES = 16 * 2 ** 30;
/** More than LMDB's lock file takes. */
const LOCK_BYTES = 16 * 1024;
const OWNER_ONLY = 0o077;

/** The key of one record of the meta space. */
export function metaKey(name: string): Uint8Array {
  return Buffer.from(META_SPACE + name);
}

type Database = RootDatabase<Uint8Array, Uint8Array>;

/** Makes the database file `path` in `directory`. */
export async function createStore(directory: string, path: string): Promise<LmdbStore> {
  return open(directory, path);
}

/** Opens the database file `path` in `directory`. Throws `bad-data` where it isn't whole. */
export async function openStore(directory: string, path: string): Promise<LmdbStore> {
  let damage: string | null;
  try {
    damage = statSync(path).isFile() ? findDamage(path) : 'is not a file';
  } catch (error) {
    throw asDiskError(error, 'read', path);
  }
  if (damage !== null) throw badData(directory, `${path} ${damage}.`);
  return open(directory, path);
}

async function open(directory: string, path: string): Promise<LmdbStore> {
  const lmdb = await loadLmdb(directory);
  const decoder = new FrameDecoder();
  const before = process.umask(OWNER_ONLY);
  try {
    fillLockFile(`${path}-lock`);
    const database: Database = lmdb.open<Uint8Array, Uint8Array>({
      path,
      noSubdir: true,
      mapSize: MAP_BYTES,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      encoder: {
        encode: (frame: Uint8Array) => frame,
        decode: (frame: Uint8Array, length?: unknown) =>
          decoder.decode(frame, typeof length === 'number' ? length : frame.length),
      },
    });
    return new LmdbStore(directory, database, decoder);
  } catch (error) {
    throw asDiskError(error, 'open', path);
  } finally {
    process.umask(before);
  }
}

/**
 * LMDB maps its lock file and makes it long without filling it: where the disk is full, the first
 * write to the map then kills the process. A file that is filled already has its space. What stands
 * in it means nothing: LMDB begins it anew when nobody else has it open.
 */
function fillLockFile(path: string): void {
  const descriptor = openSync(path, 'a', 0o600);
  try {
    const missing = LOCK_BYTES - fstatSync(descriptor).size;
    if (missing > 0) writeSync(descriptor, Buffer.alloc(missing));
  } finally {
    closeSync(descriptor);
  }
}

export class LmdbStore implements Store {
  readonly #directory: string;
  readonly #database: Database;
  readonly #decoder: FrameDecoder;
  readonly #encoder = new FrameEncoder();
  readonly #counter = Buffer.alloc(8);
  #transaction: number;
  #writes: Iterable<Write> = [];
  #failed = false;

  constructor(directory: string, database: Database, decoder: FrameDecoder) {
    this.#directory = directory;
    this.#database = database;
    this.#decoder = decoder;
    const counter = this.get(TRANSACTION_KEY);
    this.#transaction = counter === null ? 0 : Number(Buffer.from(counter).readBigUInt64BE());
  }

  get transaction(): number {
    return this.#transaction;
  }

  commit(writes: Iterable<Write>, transaction = this.#transaction + 1): number {
    assert(!this.#failed, 'nothing is written after a transaction that failed');
    this.#counter.writeUInt32BE(Math.floor(transaction / 2 ** 32), 0);
    this.#counter.writeUInt32BE(transaction % 2 ** 32, 4);
    this.#writes = writes;
    this.#failed = true;
    try {
      this.#database.transactionSync(this.#apply);
    } catch (error) {
      throw asDiskError(error, 'write to', this.#directory);
    }
    this.#failed = false;
    this.#transaction = transaction;
    return transaction;
  }

  /**
   * Made once, not once per commit. It returns nothing: lmdb-js would leave the transaction open
   * for a promise, such as its own `put` returns.
   */
  readonly #apply = (): void => {
    for (const { key, value } of this.#writes) {
      if (value === null) this.#database.remove(key);
      else this.#database.put(key, this.#encoder.encode(key, value));
    }
    this.#database.put(TRANSACTION_KEY, this.#encoder.encode(TRANSACTION_KEY, this.#counter));
    this.#writes = [];
  };

  get(key: Uint8Array): Uint8Array | null {
    const value = this.#database.get(key);
    if (value === undefined) return null;
    this.#check(key);
    return value;
  }

  *scan(prefix: Uint8Array): Generator<[key: Uint8Array, value: Uint8Array], void> {
    assert(prefix.length > 0, 'a scan names a space');
    const end = successor(prefix);
    const range = end === null ? { start: prefix } : { start: prefix, end };
    for (const { key, value } of this.#database.getRange(range)) {
      this.#check(key);
      yield [key, value];
    }
  }

  /** Of the record that was read last. */
  #check(key: Uint8Array): void {
    const fault = this.#decoder.fault(key);
    if (fault === null) return;
    const space = String.fromCharCode(key[0] ?? 0);
    throw badData(
      this.#directory,
      `A record of space ${JSON.stringify(space)} in ${this.#directory} ${fault}.`,
    );
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}

/** A database that is not to be trusted: a server that guesses could issue a seat twice. */
export function badData(directory: string, message: string): LmError {
  return new LmError(
    'bad-data',
    message,
    "Don't repair it or restore a copy: prepare a new directory with lm server new, name its " +
      'fingerprint in the RLF, and start it with --rejoin.',
    { directory },
  );
}

/** The first key after all that begin with `prefix`, or null where there is none. */
function successor(prefix: Uint8Array): Uint8Array | null {
  const end = Uint8Array.from(prefix);
  for (let index = end.length - 1; index >= 0; index -= 1) {
    const byte = end[index] ?? 0;
    if (byte < 0xff) {
      end[index] = byte + 1;
      return end.subarray(0, index + 1);
    }
  }
  return null;
}
