/**
 * The store of a server that runs: transactions go to the write-ahead log, and from there into
 * LMDB, many in one: when the log is full, when something is read, and at the end. What a crash
 * leaves in the log is brought into LMDB by the next start.
 */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { assert } from '../../errors.ts';
import type { Write } from '../../records.ts';
import { asDiskError } from '../disk-error.ts';
import { badData, type LmdbStore, metaKey } from '../lmdb/lmdb-store.ts';
import type { Store } from '../store.ts';
import { ID_BYTES, type Transaction, WriteAheadLog } from './write-ahead-log.ts';

/** The id of the log that belongs to the database, while it may have transactions of its own. */
const LOG_KEY = metaKey('log');
/** LMDB's own limit, with pages of 4 KiB. */
const KEY_BYTES_MAX = 1_978;

/**
 * Brings what a log in `path` has into the database, and commits to it from now on. Throws
 * `bad-data` where the database had a log and it is not there, or not whole.
 */
export function withWriteAheadLog(store: LmdbStore, directory: string, path: string): Store {
  try {
    const id = store.get(LOG_KEY);
    if (id !== null && !isFile(path)) throw badData(directory, `${path} is missing.`);
    const log = id === null ? begin(store, path) : WriteAheadLog.open(path, id);
    if (log === null) throw badData(directory, `${path} is not the log of its database.`);
    const missed = log.after(store.transaction);
    if (missed === null) throw badData(directory, `${path} is damaged.`);
    apply(store, missed);
    return new WalStore(store, log, directory);
  } catch (error) {
    throw asDiskError(error, 'write to', path);
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** From here on the database is whole only together with its log. */
function begin(store: LmdbStore, path: string): WriteAheadLog {
  const id = randomBytes(ID_BYTES);
  const log = WriteAheadLog.create(path, id);
  store.commit([{ key: LOG_KEY, value: id }], store.transaction);
  return log;
}

/** The last write to each record, in one transaction that has the number of the last of them. */
function apply(store: LmdbStore, transactions: Iterable<Transaction>): void {
  const newest = new Map<string, Write>();
  let last = store.transaction;
  for (const { number, writes } of transactions) {
    for (const write of writes) newest.set(Buffer.from(write.key).toString('latin1'), write);
    last = number;
  }
  if (last > store.transaction) store.commit(newest.values(), last);
}

class WalStore implements Store {
  readonly #store: LmdbStore;
  readonly #log: WriteAheadLog;
  readonly #directory: string;
  #transaction: number;
  #failed = false;

  constructor(store: LmdbStore, log: WriteAheadLog, directory: string) {
    this.#store = store;
    this.#log = log;
    this.#directory = directory;
    this.#transaction = store.transaction;
  }

  get transaction(): number {
    return this.#transaction;
  }

  commit(writes: readonly Write[]): number {
    assert(!this.#failed, 'nothing is written after a transaction that failed');
    for (const { key } of writes) assert(key.length <= KEY_BYTES_MAX, 'LMDB takes the key, too');
    const number = this.#transaction + 1;
    this.#failed = true;
    if (!this.#log.hasRoom(writes)) this.#empty();
    if (this.#log.hasRoom(writes)) this.#append(number, writes);
    else this.#store.commit(writes, number);
    this.#failed = false;
    this.#transaction = number;
    return number;
  }

  get(key: Uint8Array): Uint8Array | null {
    this.#empty();
    return this.#store.get(key);
  }

  scan(prefix: Uint8Array): Iterable<[key: Uint8Array, value: Uint8Array]> {
    this.#empty();
    return this.#store.scan(prefix);
  }

  async close(): Promise<void> {
    try {
      if (!this.#failed) this.#retire();
    } finally {
      this.#log.close();
      await this.#store.close();
    }
  }

  /** From here on the database is whole without its log, whose room is kept for the next start. */
  #retire(): void {
    this.#empty();
    this.#store.commit([{ key: LOG_KEY, value: null }], this.#transaction);
  }

  #append(number: number, writes: readonly Write[]): void {
    try {
      this.#log.append(number, writes);
    } catch (error) {
      throw asDiskError(error, 'write to', this.#directory);
    }
  }

  #empty(): void {
    if (this.#log.isEmpty) return;
    apply(this.#store, this.#log.appended());
    this.#log.begin();
  }
}
