/**
 * The log in memory: the entries after `base`, what of them is committed, applied and on disk.
 * Invariants: base <= snapshot <= applied <= committed <= last, applied <= stable <= last.
 */
import { assert } from '../errors.ts';
import { ConfigurationHistory } from './configuration-history.ts';
import { type Entry, entryBytes, type Snapshot, type Stored } from './types.ts';

export class Log {
  readonly configurations: ConfigurationHistory;
  readonly #configurationsFrom: number;
  #snapshot: Snapshot;
  /** The entry before the first one held; at most the snapshot's. */
  #base: { readonly index: number; readonly term: number; readonly bytes: number };
  readonly #entries: Entry[] = [];
  /** Bytes of all entries up to and including the one at the same place, base included. */
  readonly #bytes: number[] = [];
  #committed: number;
  #applied: number;
  /** Everything up to here is on this server's disk, as it stands in this log. */
  #stable: number;
  /** The first entry that no records carry yet. */
  #unsavedFrom: number | null = null;
  #snapshotUnsaved = false;
  /** Batches handed out and not flushed, and up to where each makes the log stable. */
  #flushing: { readonly batch: number; stable: number }[] = [];

  constructor({ snapshot, entries, applied, configurationsFrom = 0 }: Stored) {
    this.#configurationsFrom = configurationsFrom;
    this.#snapshot = snapshot;
    this.#base = { index: snapshot.index, term: snapshot.term, bytes: 0 };
    this.configurations = new ConfigurationHistory(snapshot);
    for (const entry of entries) if (entry.index > snapshot.index) this.#push(entry);
    this.#stable = this.lastIndex;
    this.#committed = applied;
    this.#applied = applied;
    this.check();
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }
  get baseIndex(): number {
    return this.#base.index;
  }
  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }
  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }
  get committed(): number {
    return this.#committed;
  }
  get applied(): number {
    return this.#applied;
  }
  get stable(): number {
    return this.#stable;
  }

  /** The term of the entry at `index`, or null where this log does not know it. */
  term(index: number): number | null {
    if (index === this.#base.index) return this.#base.term;
    return this.entry(index)?.term ?? null;
  }

  entry(index: number): Entry | null {
    return this.#entries[index - this.#base.index - 1] ?? null;
  }

  /** §5.4.1: whether a log with that last entry is at least as up-to-date as this one. */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /** Bytes of the entries after `after`, up to and including `to`. */
  bytesBetween(after: number, to: number): number {
    return to <= after ? 0 : this.#bytesTo(to) - this.#bytesTo(after);
  }

  /** Entries from `from` on; at least one where there is one and `countMax` allows it. */
  slice(from: number, countMax: number, bytesMax: number): Entry[] {
    const result: Entry[] = [];
    while (result.length < countMax) {
      const entry = this.entry(from + result.length);
      if (entry === null) break;
      if (result.length > 0 && this.bytesBetween(from - 1, entry.index) > bytesMax) break;
      result.push(entry);
    }
    return result;
  }

  /** A leader only ever appends (§5.3). */
  append(entry: Entry): void {
    this.#push(entry);
    this.#markUnsaved(entry.index);
  }

  /**
   * A follower's append: entries it has are skipped, the first one that conflicts goes with
   * everything behind it. Returns the index up to which this log now agrees with the leader's,
   * or null where the entry before the first one is missing or differs.
   */
  merge(previousIndex: number, previousTerm: number, entries: readonly Entry[]): number | null {
    if (this.term(previousIndex) !== previousTerm) return null;
    for (const entry of entries) {
      if (this.term(entry.index) === entry.term) continue;
      if (entry.index <= this.lastIndex) this.#truncate(entry.index);
      this.append(entry);
    }
    return previousIndex + entries.length;
  }

  commitTo(index: number): void {
    assert(index <= this.lastIndex, 'a server commits only entries that it has');
    this.#committed = Math.max(this.#committed, index);
  }

  /** The entries that can be applied now: committed, and on this server's disk. */
  takeCommitted(): Entry[] {
    const until = Math.min(this.#committed, this.#stable);
    const from = this.#applied + 1;
    if (until < from) return [];
    this.#applied = until;
    return this.slice(from, until - from + 1, Number.POSITIVE_INFINITY);
  }

  /**
   * Replaces the beginning of the log, up to `index`, by a snapshot of the state machine there.
   * `trailing` entries before it stay in memory for followers that lag a little.
   */
  compact(index: number, data: Uint8Array, trailing: number): void {
    assert(index <= this.#applied, 'a snapshot is of a state that was reached');
    const term = this.term(index);
    assert(term !== null, 'a snapshot is of an entry in the log');
    const configuration = this.configurations.at(index);
    this.#snapshot = { index, term, configuration, data };
    this.#snapshotUnsaved = true;
    const base = index - trailing;
    if (base <= this.#base.index) return;
    const baseTerm = this.term(base);
    assert(baseTerm !== null, 'the new base is in the log');
    const bytes = this.#bytesTo(base);
    const dropped = base - this.#base.index;
    this.#entries.splice(0, dropped);
    this.#bytes.splice(0, dropped);
    this.#base = { index: base, term: baseTerm, bytes };
    this.configurations.forgetBefore(base);
  }

  /** Replaces the whole log by a snapshot from the leader (Figure 13). */
  restore(snapshot: Snapshot): void {
    assert(snapshot.index > this.#committed, 'a snapshot never takes a server back');
    this.#snapshot = snapshot;
    this.#base = { index: snapshot.index, term: snapshot.term, bytes: 0 };
    this.#entries.length = 0;
    this.#bytes.length = 0;
    this.configurations.reset(snapshot);
    this.#committed = snapshot.index;
    this.#applied = snapshot.index;
    // Whatever depends on the snapshot's being on disk waits for its batch: messages do, and the
    // votes that could make this server a leader come in later batches.
    this.#stable = snapshot.index;
    this.#clampFlushing(snapshot.index);
    this.#snapshotUnsaved = true;
    this.#unsavedFrom = snapshot.index + 1;
  }

  /** The records of what changed since the last call, which `batch` will carry. */
  takeUnsaved(batch: number): {
    snapshot: Snapshot | null;
    entries: { from: number; list: Entry[] } | null;
  } {
    const snapshot = this.#snapshotUnsaved ? this.#snapshot : null;
    const from = this.#unsavedFrom;
    this.#snapshotUnsaved = false;
    this.#unsavedFrom = null;
    if (from === null) return { snapshot, entries: null };
    this.#flushing.push({ batch, stable: this.lastIndex });
    const list = this.slice(from, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    return { snapshot, entries: { from, list } };
  }

  persisted(batch: number): void {
    for (const flushed of this.#flushing) {
      if (flushed.batch <= batch) this.#stable = Math.max(this.#stable, flushed.stable);
    }
    this.#flushing = this.#flushing.filter((waiting) => waiting.batch > batch);
  }

  check(): void {
    assert(this.#base.index <= this.#snapshot.index, 'base <= snapshot');
    assert(this.#snapshot.index <= this.#applied, 'snapshot <= applied');
    assert(this.#applied <= this.#committed, 'applied <= committed');
    assert(this.#committed <= this.lastIndex, 'committed <= last');
    assert(this.#applied <= this.#stable, 'applied <= stable');
    assert(this.#stable <= this.lastIndex, 'stable <= last');
  }

  #push(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, 'entries follow each other');
    assert(entry.term >= this.lastTerm, 'terms never fall along the log');
    this.#bytes.push((this.#bytes.at(-1) ?? this.#base.bytes) + entryBytes(entry));
    this.#entries.push(entry);
    if (entry.kind === 'configuration' && entry.term >= this.#configurationsFrom) {
      this.configurations.push(entry.index, entry.configuration);
    }
  }

  #truncate(from: number): void {
    assert(from > this.#committed, 'a committed entry is never removed');
    const kept = from - this.#base.index - 1;
    this.#entries.length = kept;
    this.#bytes.length = kept;
    this.configurations.truncate(from);
    this.#stable = Math.min(this.#stable, from - 1);
    this.#clampFlushing(from - 1);
    this.#markUnsaved(from);
  }

  /** A batch under way no longer says anything about entries that were replaced meanwhile. */
  #clampFlushing(stable: number): void {
    for (const waiting of this.#flushing) waiting.stable = Math.min(waiting.stable, stable);
  }

  #markUnsaved(from: number): void {
    this.#unsavedFrom = Math.min(this.#unsavedFrom ?? from, from);
  }

  #bytesTo(index: number): number {
    if (index <= this.#base.index) return this.#base.bytes;
    const bytes = this.#bytes[index - this.#base.index - 1];
    assert(bytes !== undefined, 'bytes are asked of entries in the log');
    return bytes;
  }
}
