/**
 * The ledger: the log of entries, and the state that the applied ones add up to. An entry is
 * proposed, written with everything else of its step, and applied once a majority stores it; for a
 * pool of one server that is when its own write is flushed.
 */
import { assert } from '../errors.ts';
import type { Rlf } from '../license/types.ts';
import { LOG_KEPT } from '../limits.ts';
import {
  drop,
  numberKey,
  numberOfKey,
  type RecordSource,
  Space,
  spacePrefix,
  type Write,
} from '../records.ts';
import { decodeLogEntry, type Entry, encodeLogEntry, type LogEntry } from './entries.ts';
import { LedgerState, type Touched } from './state.ts';

export class Ledger {
  readonly state: LedgerState;
  readonly term: number;
  /** Entries not applied yet, in order. Invariant: indexes follow `state.applied` without a gap. */
  readonly #pending: LogEntry[];
  /** Index of the last entry known to be flushed. Invariant: applied <= stable <= last. */
  #stable: number;

  private constructor(state: LedgerState, pending: LogEntry[], term: number) {
    this.state = state;
    this.term = term;
    this.#pending = pending;
    this.#stable = state.applied + pending.length;
  }

  /** From the records, or as the founding RLF says where there are none yet. */
  static recover(source: RecordSource, founding: Rlf): Ledger {
    const state = LedgerState.recover(source) ?? LedgerState.found(founding);
    const pending: LogEntry[] = [];
    let term = 0;
    for (const [key, value] of source.scan(spacePrefix(Space.log))) {
      const logEntry = decodeLogEntry(numberOfKey(key), value);
      term = Math.max(term, logEntry.term);
      if (logEntry.index > state.applied) pending.push(logEntry);
    }
    pending.forEach(({ index }, at) => {
      assert(index === state.applied + 1 + at, 'the log has no gap behind the applied state');
    });
    return new Ledger(state, pending, term + 1);
  }

  get last(): number {
    return this.state.applied + this.#pending.length;
  }

  /** What is proposed and not applied, in order; after a start, what an earlier one left so. */
  get pending(): readonly LogEntry[] {
    return this.#pending;
  }

  /** Appends an entry; returns its index. It is not in force before it comes out of `applyNext`. */
  propose(entry: Entry, writes: Write[]): number {
    const logEntry = { index: this.last + 1, term: this.term, entry };
    this.#pending.push(logEntry);
    writes.push({ key: numberKey(Space.log, logEntry.index), value: encodeLogEntry(logEntry) });
    return logEntry.index;
  }

  /** Everything proposed so far is flushed. */
  persisted(): void {
    this.#stable = this.last;
  }

  /** Applies the next committed entry, and writes the state it leads to; null when none is left. */
  applyNext(writes: Write[]): { applied: LogEntry; touched: Touched } | null {
    const next = this.#pending[0];
    if (next === undefined || next.index > this.#stable) return null;
    this.#pending.shift();
    const rlf = this.state.rlf;
    const touched = this.state.apply(next);
    const rlfChanged = rlf !== this.state.rlf || next.index === 1;
    writes.push(...this.state.writes(next.index === 1 ? null : touched, rlfChanged));
    if (next.index > LOG_KEPT) writes.push(drop(numberKey(Space.log, next.index - LOG_KEPT)));
    return { applied: next, touched };
  }
}
