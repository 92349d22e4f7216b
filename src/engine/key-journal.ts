/**
 * What became of keys since their table was last brought up to date on disk: a record a batch, in
 * order, instead of a record a key. Most seats of a busy server come and go between two checkpoints
 * and never touch the table; a batch of any size is one record, written in one place.
 */
import { assert } from './errors.ts';
import {
  bufferOf,
  bytesOfHolder,
  bytesOfTerms,
  type Holder,
  type KeyBody,
  keyBodyBytes,
  readTerms,
  StoredHolder,
  type Terms,
  writeKeyBody,
} from './key-record.ts';
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
import { ID_BYTES } from './seat-key.ts';

/** A key that a journal can tell of. */
export interface Journaled extends KeyBody {
  /** Its number among this server's keys, in order of issue. */
  readonly number: number;
  /** Its record is in the table on disk. */
  tabled: boolean;
}

/** What a record consists of; terms and holders stand once in it and are then meant by place. */
const ISSUED = 1;
const ENDED = 2;
const TERMS = 3;
const HOLDER = 4;
const NUMBER_BYTES = 6;
const NUMBER_AT = 1;
const TERMS_AT = NUMBER_AT + NUMBER_BYTES;
const HOLDER_AT = TERMS_AT + 4;
const ID_AT = HOLDER_AT + 4;
const SINCE_AT = ID_AT + ID_BYTES;
const ISSUED_BYTES = SINCE_AT + 8;
const ENDED_BYTES = NUMBER_AT + NUMBER_BYTES;
const LENGTH_BYTES = 2;
const BUFFER_BYTES_MIN = 64 * 1024;

export class KeyJournal {
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES_MIN);
  #used = 0;
  /** Places of what stands in the record already. */
  readonly #terms = new Map<Terms, number>();
  readonly #holders = new Map<Holder, number>();
  /** What a checkpoint writes: keys to be put into the table, and numbers (null) to be dropped. */
  readonly #due = new Map<number, Journaled | null>();
  /** Records on disk since the last checkpoint: first <= number < next. */
  #first = 1;
  #next = 1;
  #bytesOnDisk = 0;

  issued(key: Journaled): void {
    const terms = this.#place(this.#terms, key.terms, TERMS, bytesOfTerms);
    const holder = this.#place(this.#holders, key.holder, HOLDER, bytesOfHolder);
    const at = this.#reserve(ISSUED_BYTES);
    const buffer = this.#buffer;
    buffer[at] = ISSUED;
    buffer.writeUIntBE(key.number, at + NUMBER_AT, NUMBER_BYTES);
    buffer.writeUInt32BE(terms, at + TERMS_AT);
    buffer.writeUInt32BE(holder, at + HOLDER_AT);
    buffer.write(key.id, at + ID_AT, 'latin1');
    buffer.writeDoubleBE(key.since, at + SINCE_AT);
    this.#due.set(key.number, key);
  }

  ended(key: Journaled): void {
    const at = this.#reserve(ENDED_BYTES);
    this.#buffer[at] = ENDED;
    this.#buffer.writeUIntBE(key.number, at + NUMBER_AT, NUMBER_BYTES);
    if (key.tabled) this.#due.set(key.number, null);
    else this.#due.delete(key.number);
  }

  /** The writes of this batch: its record, or a checkpoint in place of all records. */
  takeWrites(): Write[] {
    if (this.#used === 0) return [];
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    this.#terms.clear();
    this.#holders.clear();
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
    for (const [key, value] of source.scan(spacePrefix(Space.journal))) {
      const number = numberOfKey(key);
      if (this.#bytesOnDisk === 0) this.#first = number;
      this.#next = number + 1;
      this.#bytesOnDisk += value.length;
      replay(value, { issued, ended });
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

  /** Where in this record the terms or the holder stands; puts it there the first time. */
  #place<T>(places: Map<T, number>, of: T, kind: number, bytesOf: (of: T) => Uint8Array): number {
    const known = places.get(of);
    if (known !== undefined) return known;
    const bytes = bytesOf(of);
    const at = this.#reserve(1 + LENGTH_BYTES + bytes.length);
    this.#buffer[at] = kind;
    this.#buffer.writeUInt16BE(bytes.length, at + 1);
    this.#buffer.set(bytes, at + 1 + LENGTH_BYTES);
    places.set(of, places.size);
    return places.size - 1;
  }

  /** Room for so many bytes: where they begin. */
  #reserve(bytes: number): number {
    const at = this.#used;
    this.#used += bytes;
    if (this.#used > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * this.#used);
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    return at;
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
  { issued, ended }: { issued: Map<number, KeyBody>; ended: Set<number> },
): void {
  const bytes = bufferOf(value);
  const terms: Terms[] = [];
  const holders: Holder[] = [];
  let at = 0;
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === ISSUED) {
      const number = bytes.readUIntBE(at + NUMBER_AT, NUMBER_BYTES);
      issued.set(number, issuedKey(bytes, at, { terms, holders }));
      at += ISSUED_BYTES;
    } else if (kind === ENDED) {
      const number = bytes.readUIntBE(at + NUMBER_AT, NUMBER_BYTES);
      if (!issued.delete(number)) ended.add(number);
      at += ENDED_BYTES;
    } else {
      assert(kind === TERMS || kind === HOLDER, 'a journal tells of keys issued and ended');
      const start = at + 1 + LENGTH_BYTES;
      at = start + bytes.readUInt16BE(at + 1);
      const packed = bytes.toString('latin1', start, at);
      if (kind === TERMS) terms.push(readTerms(packed));
      else holders.push(new StoredHolder(packed));
    }
  }
}

function issuedKey(
  bytes: Buffer,
  at: number,
  known: { readonly terms: readonly Terms[]; readonly holders: readonly Holder[] },
): KeyBody {
  const terms = known.terms[bytes.readUInt32BE(at + TERMS_AT)];
  const holder = known.holders[bytes.readUInt32BE(at + HOLDER_AT)];
  assert(terms !== undefined && holder !== undefined, 'terms and holders stand before their keys');
  const id = bytes.toString('latin1', at + ID_AT, at + SINCE_AT);
  return { id, since: bytes.readDoubleBE(at + SINCE_AT), terms, holder };
}
