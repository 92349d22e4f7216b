/** Raft's log and hard state on disk. What is applied is kept as what it led to, not as log. */
import { decode, encode } from '../codec.ts';
import type { Configuration, Entry, HardState, Records } from '../raft/types.ts';
import {
  drop,
  numberKey,
  numberOfKey,
  put,
  type RecordSource,
  read,
  Space,
  spacePrefix,
  type Write,
} from '../records.ts';

const VOTE_KEY = spacePrefix(Space.vote);

/** What each log record begins with after its term. */
const NO_OP = 0;
const CONFIGURATION = 1;
const DATA = 2;

export function readHardState(source: RecordSource): HardState | null {
  const value = source.get(VOTE_KEY);
  if (value === null) return null;
  const [term, votedFor] = read(value) as [number, string | null];
  return { term, votedFor };
}

/** The log's entries after `applied`, in order. */
export function readEntries(source: RecordSource, applied: number): Entry[] {
  const entries: Entry[] = [];
  for (const [key, value] of source.scan(spacePrefix(Space.log))) {
    const index = numberOfKey(key);
    if (index > applied) entries.push(readEntry(index, value));
  }
  return entries;
}

/** Which places of the log have a record: they are dropped as they are applied or replaced. */
export class LogRecords {
  /** Invariant: exactly the records from `#first` up to and including `#last` are on disk. */
  #first: number;
  #last: number;

  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
  }

  write({ entries, hardState }: Records, writes: Write[]): void {
    if (entries !== null) {
      const { from, list } = entries;
      const last = from + list.length - 1;
      for (const entry of list) {
        writes.push({ key: numberKey(Space.log, entry.index), value: entryBytes(entry) });
      }
      for (let index = Math.max(last + 1, this.#first); index <= this.#last; index++) {
        writes.push(drop(numberKey(Space.log, index)));
      }
      if (this.#first > this.#last) this.#first = from;
      this.#last = last;
    }
    if (hardState !== null) writes.push(put(VOTE_KEY, [hardState.term, hardState.votedFor]));
  }

  /** Everything up to `index` is applied, or a snapshot stands in its place. */
  dropTo(index: number, writes: Write[]): void {
    for (; this.#first <= Math.min(index, this.#last); this.#first++) {
      writes.push(drop(numberKey(Space.log, this.#first)));
    }
    this.#first = Math.max(this.#first, index + 1);
    this.#last = Math.max(this.#last, this.#first - 1);
  }
}

function entryBytes(entry: Entry): Uint8Array {
  switch (entry.kind) {
    case 'no-op':
      return encode([entry.term, NO_OP]);
    case 'configuration': {
      const { voters, learners } = entry.configuration;
      return encode([entry.term, CONFIGURATION, voters, learners]);
    }
    case 'data':
      return encode([entry.term, DATA, entry.data]);
  }
}

function readEntry(index: number, value: Uint8Array): Entry {
  const [term, kind, ...rest] = decode(value) as [number, number, ...unknown[]];
  if (kind === NO_OP) return { index, term, kind: 'no-op' };
  if (kind === DATA) return { index, term, kind: 'data', data: (rest[0] as Uint8Array).slice() };
  const [voters, learners] = rest as [Configuration['voters'], Configuration['learners']];
  return { index, term, kind: 'configuration', configuration: { voters, learners } };
}
