/**
 * The core: one deterministic state machine in the manner of etcd's raft. A step takes an event and
 * the time; what it asks for gathers in `takeEffects`. Whoever runs it writes, flushes, tells it so
 * by `persisted`, and only then sends the replies.
 */
import type { Client } from './client.ts';
import { ClockGuard } from './clock-guard.ts';
import { type Effects, Outbox } from './effects.ts';
import { assert } from './errors.ts';
import { Issuer } from './issuer.ts';
import { KeyTable } from './key-table.ts';
import { Ledger } from './ledger/ledger.ts';
import { supersedes } from './ledger/offer.ts';
import type { LedgerState } from './ledger/state.ts';
import type { Rlf } from './license/types.ts';
import { MARK_INTERVAL_MS } from './limits.ts';
import { Lines } from './lines.ts';
import { type ClientMessage, MessageType } from './messages.ts';
import type { PeerGreeting, PeerMessage } from './peer-messages.ts';
import type { ServerId } from './raft/types.ts';
import type { RecordSource } from './records.ts';
import { Rows } from './rows.ts';
import { Status } from './status.ts';
import type { Time } from './time.ts';

export type Event =
  | { readonly type: 'message'; readonly client: Client; readonly message: ClientMessage }
  | { readonly type: 'closed'; readonly client: Client }
  /** Everything that earlier effects wrote is on disk. */
  | { readonly type: 'persisted' }
  /** An RLF, verified, that an administrator offers. */
  | { readonly type: 'offered'; readonly rlf: Rlf }
  /** A message of another server of the pool, whose TLS key is `from`. */
  | { readonly type: 'peer'; readonly from: ServerId; readonly message: PeerMessage }
  /** The link to another server came up. */
  | { readonly type: 'linked'; readonly peer: ServerId; readonly greeting: PeerGreeting }
  /** The link to another server was refused or reset: it counts as no ack, at once. */
  | { readonly type: 'gone'; readonly peer: ServerId }
  | { readonly type: 'tick' };

export interface CoreOptions {
  /** This server's id: the fingerprint of its TLS key, never its name. */
  readonly server: string;
  readonly name: string;
  /** How often it started, this time included. */
  readonly boot: number;
  /** The RLF that founded the pool. */
  readonly founding: Rlf;
  /** 32 random bytes, for a pool that has no ticket secret yet. */
  readonly secret: Uint8Array;
}

/** What a live key stands for; `expiresAt` in wall time, milliseconds since 1970. */
export interface Authorization {
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly expiresAt: number;
}

export class Core {
  readonly #options: CoreOptions;
  readonly #outbox = new Outbox();
  readonly #ledger: Ledger;
  readonly #keys = new KeyTable();
  readonly #lines = new Lines(this.#outbox);
  readonly #rows: Rows;
  readonly #issuer: Issuer;
  readonly #status: Status;
  #clock: ClockGuard;
  #markAt = 0;
  #ready = false;

  private constructor(options: CoreOptions, source: RecordSource, time: Time) {
    const { server, name } = options;
    this.#options = options;
    this.#ledger = Ledger.recover(source, options.founding);
    const { state } = this.#ledger;
    this.#clock = new ClockGuard(state.mark, time);
    this.#rows = new Rows({ server, ledger: this.#ledger, outbox: this.#outbox });
    const shared = { server, state, rows: this.#rows, keys: this.#keys, lines: this.#lines };
    this.#issuer = new Issuer({ ...shared, outbox: this.#outbox });
    this.#status = new Status({ ...shared, name, ledger: this.#ledger });
    this.#keys.recover(source, time.boot);
    for (const key of this.#keys.values()) this.#issuer.count(key);
  }

  /** A server as its records say it was, about to take its place in the pool. */
  static recover(options: CoreOptions, source: RecordSource, time: Time): Core {
    const core = new Core(options, source, time);
    core.#enter(time);
    return core;
  }

  /** It may issue: it leads a majority, and its return is in the ledger. */
  get ready(): boolean {
    return this.#ready;
  }

  get state(): LedgerState {
    return this.#ledger.state;
  }

  get keyCount(): number {
    return this.#keys.size;
  }

  /** A live key, as a proof describes it, or null. */
  authorization(id: string, time: Time): Authorization | null {
    const key = this.#keys.get(id);
    if (key === undefined) return null;
    const { vendor, application, version } = this.#rows.of(key.terms.license).named;
    const expiresAt = time.wall + key.deadline - time.boot;
    return { vendor, application, version, count: key.terms.count, expiresAt };
  }

  step(event: Event, time: Time): void {
    switch (event.type) {
      case 'message':
        this.#message(event.client, event.message, time);
        return;
      case 'closed':
        this.#issuer.closed(event.client, time);
        return;
      case 'persisted':
        this.#ledger.persisted();
        this.#applyCommitted(time);
        return;
      case 'offered':
        this.#offer(event.rlf);
        return;
      case 'peer':
      case 'linked':
      case 'gone':
        return;
      case 'tick':
        this.#issuer.tick(time);
        this.#advanceMark(time);
        return;
    }
  }

  takeEffects(): Effects {
    // One by one: a checkpoint may be more than the arguments of a call can be.
    for (const write of this.#keys.takeWrites()) this.#outbox.writes.push(write);
    return this.#outbox.take();
  }

  /** When the next `tick` is due, boot-time clock. */
  get nextTick(): number {
    const expiry = this.#keys.nextExpiry ?? Number.POSITIVE_INFINITY;
    const line = this.#lines.nextDue ?? Number.POSITIVE_INFINITY;
    return Math.min(expiry, line, this.#markAt);
  }

  #message(client: Client, message: ClientMessage, time: Time): void {
    assert(this.#ready, 'nobody is served before the server has entered the pool');
    switch (message[0]) {
      case MessageType.request:
        this.#issuer.request(client, message, time);
        return;
      case MessageType.heartbeat:
        this.#issuer.heartbeat(client, message, time);
        return;
      case MessageType.release:
        this.#issuer.release(client, message, time);
        return;
      case MessageType.status:
        this.#outbox.reply(client, this.#status.page(client, message, time));
        return;
      case MessageType.rlfGet:
        this.#outbox.reply(client, [MessageType.rlf, message[1], this.state.rlf.text]);
        return;
      case MessageType.act:
        return;
    }
  }

  /** Every start is entered in the ledger before anything is issued (DESIGN section 6). */
  #enter(time: Time): void {
    const { server, boot, secret } = this.#options;
    const { writes } = this.#outbox;
    const { state } = this.#ledger;
    this.#ledger.propose({ type: 'term' }, writes);
    if (state.secret === null)
      this.#ledger.propose({ type: 'secret', generation: 1, secret }, writes);
    this.#advanceMark(time);
    const fence = state.servers.get(server)?.fence ?? null;
    this.#ledger.propose({ type: 'returned', server, boot, fence }, writes);
  }

  #applyCommitted(time: Time): void {
    const { writes } = this.#outbox;
    for (;;) {
      const next = this.#ledger.applyNext(writes);
      if (next === null) return;
      const { applied, touched } = next;
      const { entry } = applied;
      this.#rows.applied(applied);
      if (entry.type === 'returned') this.#ready ||= this.#isOwnReturn(entry);
      if (entry.type === 'mark') this.#clock.passed(entry.time, time);
      if (entry.type === 'rlf') this.#noteRlf(entry.sequence);
      this.#issuer.refreshed(this.#rows.refresh(touched), time);
    }
  }

  #isOwnReturn(entry: { readonly server: string; readonly boot: number }): boolean {
    return entry.server === this.#options.server && entry.boot === this.#options.boot;
  }

  #noteRlf(sequence: number): void {
    const { rlf } = this.state;
    const inForce = rlf.sequence === sequence;
    const fields = { sequence, digest: rlf.digest, licenses: rlf.licenses.length };
    if (inForce) this.#outbox.note('info', 'an RLF is in force', fields);
  }

  /** A newer RLF goes into the ledger. Throws what `supersedes` throws. */
  #offer(rlf: Rlf): void {
    const { rlf: current } = this.state;
    if (supersedes(rlf, current)) {
      const { sequence, digest, text } = rlf;
      this.#ledger.propose({ type: 'rlf', sequence, digest, text }, this.#outbox.writes);
    } else if (rlf.sequence < current.sequence) {
      const fields = { offered: rlf.sequence, inForce: current.sequence };
      this.#outbox.note('warn', 'the RLF offered is older than the one in force', fields);
    }
  }

  /**
   * Enters the guarded wall time in the ledger, now and then and whenever a license turns on it.
   */
  #advanceMark(time: Time): void {
    const now = this.#clock.read(time);
    const { mark, table } = this.state;
    const change = table.nextChange(mark) ?? Number.POSITIVE_INFINITY;
    const due = !this.#ready || now >= mark + MARK_INTERVAL_MS || now >= change;
    const enters = now > mark && due;
    if (enters) this.#ledger.propose({ type: 'mark', time: now }, this.#outbox.writes);
    const last = enters ? now : mark;
    const next = table.nextChange(Math.max(now, mark)) ?? Number.POSITIVE_INFINITY;
    this.#markAt = time.boot + Math.max(1, Math.min(last + MARK_INTERVAL_MS, next) - now);
  }
}
