/**
 * The ledger: Raft's log of entries, and the state that the applied ones add up to. An entry is
 * proposed to the leader, written by a majority, and applied by everyone in the same order.
 */
import { assert, LmError } from '../errors.ts';
import type { Rlf } from '../license/types.ts';
import { COMPACT_ENTRIES } from '../limits.ts';
import type { Event, Notice } from '../raft/events.ts';
import { type Ack, attach, type LeaderMessage, type Message } from '../raft/messages.ts';
import { DURATIONS, RAFT_LIMITS, type RaftOptions } from '../raft/options.ts';
import { Raft } from '../raft/raft.ts';
import type { RaftStatus } from '../raft/status.ts';
import type { HardState, Entry as RaftEntry, ServerId, Stored } from '../raft/types.ts';
import type { RecordSource, Write } from '../records.ts';
import { decodeEntry, type Entry, encodeEntry, type LogEntry } from './entries.ts';
import { type Restart, readRestart, restarted, termsFrom } from './epochs.ts';
import { LogRecords, readEntries, readHardState } from './raft-records.ts';
import { type Applied, LedgerState } from './state.ts';

/** What Raft is stepped with; `propose` goes through the ledger. */
export type Cause = Event extends infer E ? (E extends unknown ? Omit<E, 'now'> : never) : never;

export interface LedgerOptions {
  /** This server's id. */
  readonly server: ServerId;
  readonly source: RecordSource;
  /** From the records, or the beginning of one (`Ledger.stateAtStart`). */
  readonly state: LedgerState;
  readonly campaignDelayMs: RaftOptions['campaignDelayMs'];
  /** Boot-time milliseconds. */
  readonly now: number;
}

export interface StateAtStart {
  readonly source: RecordSource;
  readonly founding: Rlf | null;
  readonly joins?: boolean;
  /** The highest format of the pool that this server understands. Default: FORMAT_MAX. */
  readonly formatMax?: number | undefined;
}

/** What the ledger asks for and tells while it is stepped, in order. */
export interface LedgerHooks {
  applied(applied: Applied): void;
  /** The state was replaced by another server's; `before` is the last entry applied until then. */
  restored(before: number): void;
  /** Everything else of Raft's. */
  notice(notice: Exclude<Notice, { type: 'apply' | 'restored' }>): void;
  /** What goes along with a message that is about to be sent. */
  attachment(message: LeaderMessage | Ack): Uint8Array | null;
  send(message: Message): void;
}

export class Ledger {
  readonly state: LedgerState;
  readonly #raft: Raft;
  readonly #log: LogRecords;
  #hooks: LedgerHooks | null = null;
  #writes: Write[] = [];
  #now: number;
  #wakeAt: number;
  #proposed: Entry[] = [];
  /** The last batch of records that Raft handed out, and that `takeWrites` did. */
  #batch = 0;
  #taken = 0;
  #compacted: number;
  /** What this server takes part in, until the ledger says so itself. */
  #restart: Restart | null;

  private constructor(options: LedgerOptions) {
    const { server: id, source, state, campaignDelayMs, now } = options;
    this.state = state;
    const restart = readRestart(source);
    this.#restart = restart !== null && restart.epoch > state.epoch ? restart : null;
    const { applied, term } = this.state;
    const configuration =
      this.#restart === null ? this.state.configuration : restarted(this.#restart);
    const configurationsFrom = termsFrom(this.epoch);
    const entries = readEntries(source, applied);
    this.#log = new LogRecords(applied + 1, applied + entries.length);
    this.#compacted = applied;
    this.#now = now;
    const data = this.state.snapshot();
    const stored: Stored = {
      hardState: inEpoch(readHardState(source) ?? { term, votedFor: null }, configurationsFrom),
      configurationsFrom,
      snapshot: { index: applied, term, configuration, data },
      entries,
      applied,
    };
    const timing = { durations: DURATIONS, limits: RAFT_LIMITS, campaignDelayMs };
    this.#raft = new Raft({ id, ...timing }, stored, now);
    this.#wakeAt = this.#raft.wakeAt ?? Number.POSITIVE_INFINITY;
  }

  /**
   * As the records say. Where there are none, the state with which the RLF founds a pool, or that
   * of a server which waits to be taken into one: it has no vote, so no number of such servers is
   * a pool.
   *
   * @throws LmError `config` where there is no RLF either, or the records are of a later format.
   */
  static stateAtStart({ source, founding, joins, formatMax }: StateAtStart): LedgerState {
    const state = LedgerState.recover(source, formatMax);
    if (state !== null) return state;
    if (founding !== null) {
      const { outside, found } = LedgerState;
      return joins ? outside(founding, formatMax) : found(founding, formatMax);
    }
    throw new LmError(
      'config',
      'This server is in no pool yet, and nothing tells it of one.',
      "Start it with the pool's RLF: lm serve --rlf FILE.",
    );
  }

  static recover(options: LedgerOptions): Ledger {
    return new Ledger(options);
  }

  attach(hooks: LedgerHooks): void {
    this.#hooks = hooks;
  }

  /** A restart of the pool that is under way: nothing else is to be entered before it. */
  get restart(): Restart | null {
    return this.#restart;
  }

  /** The one in force, or the one that is under way. */
  get epoch(): number {
    return this.#restart?.epoch ?? this.state.epoch;
  }

  get status(): RaftStatus {
    return this.#raft.status;
  }

  /** The newest heartbeat round that a majority acked; 0 where this server does not lead. */
  get quorumRound(): number {
    return this.#raft.quorumRound;
  }

  /** When the next tick is due, boot-time clock. */
  get wakeAt(): number {
    return this.#wakeAt;
  }

  /** Entries that are in the log and not applied. */
  unapplied(): LogEntry[] {
    return this.#raft.entries(this.state.applied + 1).map(logEntry);
  }

  /** Takes an entry into the next batch, if this server leads then. */
  propose(entry: Entry): void {
    this.#proposed.push(entry);
  }

  /**
   * Appends what was proposed since the last call. Returns the entries with their places, or null
   * where this server may not append now: they are dropped.
   */
  append(): LogEntry[] | null {
    const entries = this.#proposed;
    if (entries.length === 0) return [];
    this.#proposed = [];
    const data = entries.map(encodeEntry);
    const outcome = this.step({ type: 'propose', data }, this.#now);
    if (outcome === null || !outcome.accepted) return null;
    const first = outcome.index - entries.length + 1;
    return entries.map((entry, at) => ({ index: first + at, term: outcome.term, entry }));
  }

  /** Everything handed out by `takeWrites` is flushed. */
  persisted(now: number): void {
    this.step({ type: 'persisted', batch: this.#taken }, now);
  }

  step(cause: Cause, now: number) {
    this.#now = Math.max(this.#now, now);
    const event = { ...cause, now: this.#now } as Event;
    const { records, messages, notices, outcome, wakeAt } = this.#raft.step(event);
    this.#wakeAt = wakeAt ?? Number.POSITIVE_INFINITY;
    if (records !== null) {
      this.#batch = records.batch;
      this.#log.write(records, this.#writes);
    }
    for (const notice of notices) this.#take(notice);
    attach(messages, (message) => this.#hooks?.attachment(message) ?? null);
    for (const message of messages) this.#hooks?.send(message);
    this.#compact();
    return outcome;
  }

  /** What is to be written since the last call, in order. */
  takeWrites(): Write[] {
    const writes = this.#writes;
    this.#writes = [];
    this.#taken = this.#batch;
    for (const write of this.state.takeWrites()) writes.push(write);
    return writes;
  }

  #take(notice: Notice): void {
    if (notice.type === 'apply') {
      for (const entry of notice.entries) this.#apply(entry);
      this.#log.dropTo(this.state.applied, this.#writes);
    } else if (notice.type === 'restored') {
      const before = this.state.applied;
      this.state.restore(notice.snapshot.data);
      assert(this.state.applied === notice.snapshot.index, 'a snapshot is of its own index');
      this.#log.dropTo(this.state.applied, this.#writes);
      this.#compacted = this.state.applied;
      this.#settle();
      this.#hooks?.restored(before);
    } else {
      this.#hooks?.notice(notice);
    }
  }

  #apply(entry: RaftEntry): void {
    const configuration = entry.kind === 'configuration' ? entry.configuration : null;
    const logged = logEntry(entry);
    // The server ends by it: nothing of it is to be seen in the state.
    if (logged.entry?.type === 'format') this.state.format.require(logged.entry.format);
    const applied = this.state.apply(logged, configuration);
    this.#settle();
    this.#hooks?.applied(applied);
  }

  #settle(): void {
    if (this.#restart === null || this.state.epoch < this.#restart.epoch) return;
    this.#restart = null;
    this.#raft.settle();
    // Who joins gets a state of this epoch, not one of before.
    this.#compacted = Number.NEGATIVE_INFINITY;
  }

  /** Raft keeps in memory what lagging servers may need, and no more. */
  #compact(): void {
    const { applied } = this.state;
    if (applied - this.#compacted < COMPACT_ENTRIES) return;
    this.#compacted = applied;
    this.step({ type: 'compact', index: applied, data: this.state.snapshot() }, this.#now);
  }
}

/** A vote of an epoch before binds nobody: its terms do not come back. */
function inEpoch(stored: HardState, from: number): HardState {
  return stored.term < from ? { term: from, votedFor: null } : stored;
}

function logEntry(entry: RaftEntry): LogEntry {
  const { index, term } = entry;
  return { index, term, entry: entry.kind === 'data' ? decodeEntry(entry.data) : null };
}
