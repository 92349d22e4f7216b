/**
 * What became of keys since their table was last brought up to date on disk: a record a batch, in
 * order, instead of a record a key. Most seats of a busy server come and go between two checkpoints
 * and never touch the table; a batch of any size is one record, written in one place.
 */
import { assert } from './errors.ts';
import { type KeyBody, KeyReader, keyBodyBytes, writeKeyBody } from './key-record.ts';
import { JOURNAL_BYTES_MAX } from './limits.ts';
import {
  drop,
  numberKey,
  numberOfKey,
  type RecordSource,
  Space,
  spacePrefix,
  type Write,
} from './records.ts';

/** A key that a journal can tell of. */
export interface Journaled extends KeyBody {
  /** Its number among this server's keys, in order of issue. */
  readonly number: number;
  /** Its record is in the table on disk. */
  tabled: boolean;
}

const ISSUED = 1;
const ENDED = 2;
const NUMBER_BYTES = 6;
const BODY_AT = 1 + NUMBER_BYTES;
const BUFFER_BYTES_MIN = 64 * 1024;

export class KeyJournal {
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES_MIN);
  #used = 0;
  /** What a checkpoint writes: keys to be put into the table, and numbers (null) to be dropped. */
  readonly #due = new Map<number, Journaled | null>();
  /** Records on disk since the last checkpoint: first <= number < next. */
  #first = 1;
  #next = 1;
  #bytesOnDisk = 0;

  issued(key: Journaled): void {
    this.#reserve(BODY_AT + keyBodyBytes(key));
    const at = this.#used;
    this.#buffer[at] = ISSUED;
    this.#buffer.writeUIntBE(key.number, at + 1, NUMBER_BYTES);
    this.#used = writeKeyBody(this.#buffer, at + BODY_AT, key);
    this.#due.set(key.number, key);
  }

  ended(key: Journaled): void {
    this.#reserve(BODY_AT);
    this.#buffer[this.#used] = ENDED;
    this.#buffer.writeUIntBE(key.number, this.#used + 1, NUMBER_BYTES);
    this.#used += BODY_AT;
    if (key.tabled) this.#due.set(key.number, null);
    else this.#due.delete(key.number);
  }

  /** The writes of this batch: its record, or a checkpoint in place of all records. */
  takeWrites(): Write[] {
    if (this.#used === 0) return [];
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    if (this.#bytesOnDisk + bytes.length > JOURNAL_BYTES_MAX) return this.#checkpoint();
    this.#bytesOnDisk += bytes.length;
    const key = numberKey(Space.journal, this.#next);
    this.#next++;
    return [{ key, value: new Uint8Array(bytes) }];
  }

  /** Reads the records back. Returns the keys that live by them, and the numbers that ended. */
  recover(source: RecordSource): { issued: Map<number, KeyBody>; ended: Set<number> } {
    const issued = new Map<number, KeyBody>();
    const ended = new Set<number>();
    const reader = new KeyReader();
    for (const [key, value] of source.scan(spacePrefix(Space.journal))) {
      const number = numberOfKey(key);
      if (this.#bytesOnDisk === 0) this.#first = number;
      this.#next = number + 1;
      this.#bytesOnDisk += value.length;
      replay(value, reader, { issued, ended });
    }
    for (const number of ended) this.#due.set(number, null);
    return { issued, ended };
  }

  /** A key that `recover` returned is in the table of live keys again. */
  recovered(key: Journaled): void {
    this.#due.set(key.number, key);
  }

  #checkpoint(): Write[] {
    const writes: Write[] = [];
    for (const [number, key] of this.#due) {
      writes.push(key === null ? drop(numberKey(Space.key, number)) : tableWrite(key));
      if (key !== null) key.tabled = true;
    }
    this.#due.clear();
    for (; this.#first < this.#next; this.#first++) {
      writes.push(drop(numberKey(Space.journal, this.#first)));
    }
    this.#bytesOnDisk = 0;
    return writes;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#buffer.length + bytes));
    larger.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = larger;
  }
}

/** A key's record in the table. */
export function tableWrite(key: Journaled): Write {
  const value = Buffer.allocUnsafe(keyBodyBytes(key));
  writeKeyBody(value, 0, key);
  return { key: numberKey(Space.key, key.number), value };
}

function replay(
  value: Uint8Array,
  reader: KeyReader,
  { issued, ended }: { issued: Map<number, KeyBody>; ended: Set<number> },
): void {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const number = bytes.readUIntBE(at + 1, NUMBER_BYTES);
    if (bytes[at] === ISSUED) {
      const { key, end } = reader.read(bytes, at + BODY_AT);
      issued.set(number, key);
      at = end;
    } else {
      assert(bytes[at] === ENDED, 'a journal tells of keys issued and ended');
      if (!issued.delete(number)) ended.add(number);
      at += BODY_AT;
    }
  }
}
