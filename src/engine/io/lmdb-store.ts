/** The store on disk: one LMDB environment, records framed and checked (record-frame.ts). */
import type { RootDatabase } from 'lmdb';
import { assert, LmError } from '../errors.ts';
import { FRAME_HEADER_BYTES, readFrame, writeFrame } from './record-frame.ts';
import type { Store, Write } from './store.ts';

/** The space of the store's own records and of the data directory's (data-directory.ts). */
export const META_SPACE = 0x6d;
const TRANSACTION_KEY = metaKey('transaction');

const SCRATCH_BYTES_MIN = 64 * 1024;

/** The key of one record of the meta space. */
export function metaKey(name: string): Uint8Array {
  return Buffer.from(`m${name}`);
}

type Database = RootDatabase<Uint8Array, Uint8Array>;

/** Opens, or makes, the database file `path` of `directory` (which error messages name). */
export async function openStore(directory: string, path: string): Promise<Store> {
  const { open } = await import('lmdb');
  const database: Database = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
  });
  return new LmdbStore(directory, database);
}

class LmdbStore implements Store {
  readonly #directory: string;
  readonly #database: Database;
  readonly #counter = Buffer.alloc(8);
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES_MIN);
  #transaction: number;
  #writes: readonly Write[] = [];

  constructor(directory: string, database: Database) {
    this.#directory = directory;
    this.#database = database;
    const counter = this.get(TRANSACTION_KEY);
    this.#transaction = counter === null ? 0 : Number(Buffer.from(counter).readBigUInt64BE());
  }

  get transaction(): number {
    return this.#transaction;
  }

  commit(writes: readonly Write[]): number {
    const transaction = this.#transaction + 1;
    this.#counter.writeBigUInt64BE(BigInt(transaction));
    this.#writes = writes;
    this.#database.transactionSync(this.#apply);
    this.#transaction = transaction;
    return transaction;
  }

  /** Made once, not once per commit. */
  readonly #apply = (): void => {
    for (const { key, value } of this.#writes) {
      if (value === null) this.#database.remove(key);
      else this.#put(key, value);
    }
    this.#put(TRANSACTION_KEY, this.#counter);
  };

  /** LMDB copies the value before `put` returns, so one buffer serves all writes. */
  #put(key: Uint8Array, value: Uint8Array): void {
    if (value.length + FRAME_HEADER_BYTES > this.#scratch.length) {
      this.#scratch = Buffer.allocUnsafeSlow(2 * (value.length + FRAME_HEADER_BYTES));
    }
    const length = writeFrame(this.#scratch, key, value);
    this.#database.put(key, this.#scratch.subarray(0, length));
  }

  get(key: Uint8Array): Uint8Array | null {
    const frame = this.#database.getBinary(key);
    return frame === undefined ? null : this.#payload(key, frame);
  }

  *scan(prefix: Uint8Array): Iterable<[key: Uint8Array, value: Uint8Array]> {
    assert(prefix.length > 0, 'a scan names a space');
    const end = successor(prefix);
    const range = end === null ? { start: prefix } : { start: prefix, end };
    for (const { key, value } of this.#database.getRange(range)) {
      yield [key, this.#payload(key, value)];
    }
  }

  #payload(key: Uint8Array, frame: Uint8Array): Uint8Array {
    const payload = readFrame(key, frame);
    if (typeof payload !== 'string') return payload;
    const space = String.fromCharCode(key[0] ?? 0);
    throw new LmError(
      'bad-data',
      `A record of space ${JSON.stringify(space)} in ${this.#directory} ${payload}.`,
      'Do not repair it by hand: prepare a new directory with lm server new and rejoin the pool.',
      { directory: this.#directory, space },
    );
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
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
