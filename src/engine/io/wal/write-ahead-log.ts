/**
 * A file that takes transactions before LMDB does. A commit of LMDB flushes twice, its scattered
 * pages and then the page that names them; here a transaction is one write at the end of the last,
 * into room that the file has already: one flush, and nothing else to wait for.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { assert } from '../../errors.ts';
import type { Write } from '../../records.ts';
import { flushDirectory } from '../file-system.ts';
import {
  encodeFrame,
  FRAME_BYTES_MIN,
  frameAt,
  frameBytes,
  numberAt,
  writesOf,
} from './wal-frame.ts';

/** What a file begins with: this is format 1. */
const MAGIC = Buffer.from('lm write-ahead 1');
export const ID_BYTES = 16;
/** A disk's block: what is written later never shares one with the head. */
const HEAD_BYTES = 4_096;
/**
 * Of a log. A larger one is emptied more seldom, but each time for longer, and nothing is granted
 * meanwhile; it is also what a start after a crash reads.
 */
const LOG_BYTES = 1024 * 1024;

export interface Transaction {
  readonly number: number;
  readonly writes: Iterable<Write>;
}

export class WriteAheadLog {
  readonly #file: number;
  readonly #seed: number;
  /** The file, byte for byte. */
  readonly #log: Buffer;
  #end = HEAD_BYTES;

  private constructor(path: string, log: Buffer) {
    this.#log = log;
    this.#seed = crc32(idOf(log));
    this.#file = openSync(path, constants.O_WRONLY | constants.O_DSYNC);
  }

  /**
   * An empty log. Its room is taken at once, or taken over from a log that lies there and that
   * nobody needs any more: a full disk keeps no server from starting again.
   */
  static create(path: string, id: Uint8Array): WriteAheadLog {
    const log = Buffer.alloc(LOG_BYTES);
    log.set(MAGIC);
    log.set(id, MAGIC.length);
    const file = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      for (let at = 0; at < log.length; ) at += writeSync(file, log, at, log.length - at, at);
      ftruncateSync(file, log.length);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    flushDirectory(dirname(path));
    return new WriteAheadLog(path, log);
  }

  /** The log in `path`, as a crash may have left it, or null where it isn't the one of that id. */
  static open(path: string, id: Uint8Array): WriteAheadLog | null {
    const log = readFileSync(path);
    const isOurs = log.length === LOG_BYTES && log.indexOf(MAGIC) === 0 && idOf(log).equals(id);
    return isOurs ? new WriteAheadLog(path, log) : null;
  }

  get isEmpty(): boolean {
    return this.#end === HEAD_BYTES;
  }

  /** Whether the next transaction finds room; one that never will is not for the log. */
  hasRoom(writes: readonly Write[]): boolean {
    return this.#end + frameBytes(writes) <= LOG_BYTES;
  }

  /** On disk when it returns. Transactions are numbered without a gap. */
  append(number: number, writes: readonly Write[]): void {
    const start = this.#end;
    const end = encodeFrame(this.#log, start, { seed: this.#seed, number, writes });
    for (let at = start; at < end; ) at += writeSync(this.#file, this.#log, at, end - at, at);
    this.#end = end;
  }

  /**
   * What was appended after transaction `last`, in order. Null where one of them is missing: a
   * transaction is begun only when the one before it is on disk, so that only the last may be torn.
   */
  after(last: number): Transaction[] | null {
    const found: Transaction[] = [];
    let newest = last;
    let at = HEAD_BYTES;
    for (let frame = this.#frameAt(at); frame !== null; frame = this.#frameAt(at)) {
      const { number, end } = frame;
      if (number > newest + 1) return null;
      // Others were written before the log began anew, and are not written over yet.
      if (number > newest) {
        newest = number;
        found.push({ number, writes: writesOf(this.#log, at, end) });
      }
      at = end;
    }
    return this.#hasLater(at, newest) ? null : found;
  }

  /** What was appended since the log began anew. */
  *appended(): Generator<Transaction, void> {
    for (let at = HEAD_BYTES; at < this.#end; ) {
      const frame = this.#frameAt(at);
      assert(frame !== null, 'what was appended is whole');
      yield { number: frame.number, writes: writesOf(this.#log, at, frame.end) };
      at = frame.end;
    }
  }

  /** What is in the log stands elsewhere. */
  begin(): void {
    this.#end = HEAD_BYTES;
  }

  close(): void {
    closeSync(this.#file);
  }

  #frameAt(at: number) {
    return frameAt(this.#log, at, this.#seed);
  }

  /** Whether a transaction after `newest` is whole anywhere behind `from`. */
  #hasLater(from: number, newest: number): boolean {
    for (let at = from; at + FRAME_BYTES_MIN <= LOG_BYTES; at++) {
      // Looked at before the checksum, which is dear where there are a million places to look.
      const number = numberAt(this.#log, at);
      if (number <= newest || number > newest + LOG_BYTES / FRAME_BYTES_MIN) continue;
      if (this.#frameAt(at) !== null) return true;
    }
    return false;
  }
}

function idOf(log: Buffer): Buffer {
  return log.subarray(MAGIC.length, MAGIC.length + ID_BYTES);
}
