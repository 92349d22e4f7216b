/**
 * Issues, renews and ends authorizations out of this server's own rows, asking no one (escrow,
 * DESIGN section 2). What a row lacks is drawn from the free pool through the ledger; what can't be
 * met waits in the line of the license.
 */
import { choose } from './choice.ts';
import type { Client } from './client.ts';
import {
  type Denial,
  evicted,
  expired,
  leaving,
  lineFull,
  noMajority,
  notServed,
} from './denial.ts';
import type { Outbox } from './effects.ts';
import type { Elsewhere } from './elsewhere.ts';
import { assert } from './errors.ts';
import type { Holds } from './holds.ts';
import { holderOf } from './key-record.ts';
import type { KeyTable, SeatKey } from './key-table.ts';
import type { ClaimedKey } from './ledger/entries.ts';
import { BORROW_MS_MAX } from './limits.ts';
import type { Waiter } from './line.ts';
import type { Lines } from './lines.ts';
import { type Heartbeat, MessageType, type Release, type Request } from './messages.ts';
import type { Places } from './places.ts';
import type { Pool } from './pool/pool.ts';
import type { Replies } from './replies.ts';
import { Row } from './row.ts';
import type { Rows } from './rows.ts';
import { idTextOfKey } from './seat-key.ts';
import type { Time } from './time.ts';

const { released } = MessageType;

export class Issuer {
  readonly #pool: Pool;
  readonly #rows: Rows;
  readonly #keys: KeyTable;
  readonly #lines: Lines;
  readonly #outbox: Outbox;
  readonly #replies: Replies;
  readonly #places: Places;
  readonly #elsewhere: Elsewhere;
  readonly #holds: Holds;

  constructor(parts: {
    readonly pool: Pool;
    readonly rows: Rows;
    readonly keys: KeyTable;
    readonly lines: Lines;
    readonly outbox: Outbox;
    readonly replies: Replies;
    readonly places: Places;
    readonly elsewhere: Elsewhere;
    readonly holds: Holds;
  }) {
    this.#pool = parts.pool;
    this.#replies = parts.replies;
    this.#places = parts.places;
    this.#elsewhere = parts.elsewhere;
    this.#holds = parts.holds;
    this.#rows = parts.rows;
    this.#keys = parts.keys;
    this.#lines = parts.lines;
    this.#outbox = parts.outbox;
  }

  /** FIG. 6: seats for a client, or its place in the line, or why not. */
  request(client: Client, message: Request, time: Time): void {
    // By place, not by pattern: taking an array apart by pattern walks an iterator.
    const sequence = message[1];
    const patienceMs = message[7];
    if (!this.#pool.mayIssue(time.boot)) {
      this.#replies.denied(client, sequence, noMajority(this.#pool));
      return;
    }
    const id = idTextOfKey(message[2]);
    const key = this.#keys.get(id);
    const held = key === undefined ? this.#holds.get(id) : undefined;
    const place = key === undefined ? this.#lines.find(id) : undefined;
    if (key !== undefined) {
      this.#again(client, sequence, key, time);
    } else if (held !== undefined) {
      this.#holds.retried(held, client, message);
    } else if (this.#holds.isEntering(id)) {
      this.#holds.again(id, { client, sequence });
    } else if (place !== undefined) {
      const patienceEnd = time.boot + patienceMs;
      const graceEnd = patienceEnd + this.#graceMs;
      this.#lines.poll(place.waiter, { client, sequence, patienceEnd, graceEnd });
      this.#settle(place.row, time, place.waiter);
    } else if (this.#pool.isLeaving) {
      this.#replies.denied(client, sequence, leaving(this.#pool));
    } else {
      this.#ask(client, id, message, time);
    }
  }

  /** A retry finds its own grant, and renews it as a heartbeat would. */
  #again(client: Client, sequence: number, key: SeatKey, time: Time): void {
    const over = this.#overBy(key);
    if (over !== null) {
      this.#replies.denied(client, sequence, over);
      return;
    }
    this.#keys.renew(key, time.boot);
    this.#replies.grant(client, sequence, key, key.terms.lifetimeMs);
  }

  /** A request that is not known yet. */
  #ask(client: Client, id: string, message: Request, time: Time): void {
    const sequence = message[1];
    const wish = {
      vendor: message[3],
      application: message[4],
      version: message[5],
      count: message[6],
    };
    const commute = message[10] ?? null;
    const licensed = this.#pool.state.table.byApplication(wish.application);
    const row =
      commute === null
        ? choose(wish, licensed, this.#rows)
        : this.#holds.chooseLeaving(wish, commute);
    if (!(row instanceof Row)) {
      this.#replies.denied(client, sequence, row);
      return;
    }
    const patienceEnd = time.boot + message[7];
    const { count } = wish;
    const waiter: Waiter = {
      id,
      count,
      since: 0,
      holdMs: message[8],
      commute,
      client,
      sequence,
      patienceEnd,
      graceEnd: patienceEnd + this.#graceMs,
      goneSince: null,
      told: 0,
    };
    if (row.canIssue(count)) {
      this.#issue(row, waiter, time);
    } else if (row.line.full) {
      this.#replies.denied(client, sequence, lineFull(row, count));
    } else {
      const { instance } = client;
      waiter.since = this.#places.since(message[9] ?? null, row, { id, instance, count });
      this.#lines.join(row, waiter);
      this.#rows.changed(row);
      this.#settle(row, time, waiter);
    }
  }

  /** Keeps a seat alive: nothing is written, since a start counts every key as heard. */
  heartbeat(client: Client, message: Heartbeat, time: Time): void {
    const sequence = message[1];
    if (!this.#pool.mayIssue(time.boot)) {
      this.#replies.gone(client, sequence, noMajority(this.#pool));
      return;
    }
    const key = this.#keys.get(idTextOfKey(message[2]));
    if (key === undefined) {
      if (!this.#holds.heartbeat(client, message, time)) {
        this.#elsewhere.heartbeat(client, message, time);
      }
      return;
    }
    const over = this.#overBy(key);
    if (over !== null) {
      this.#replies.gone(client, sequence, over);
      return;
    }
    this.#keys.renew(key, time.boot);
    this.#replies.alive(client, sequence, key);
  }

  /** Held seats that were taken over are an ordinary seat here now. */
  taken(client: Client, sequence: number, id: string): void {
    const key = this.#keys.get(id);
    if (key !== undefined) this.#replies.alive(client, sequence, key);
  }

  /** Gives seats back, or leaves the line. A key that has ended is no error. */
  release(client: Client, message: Release, time: Time): void {
    const sequence = message[1];
    const id = idTextOfKey(message[2]);
    const key = this.#keys.get(id);
    if (key === undefined) {
      const place = this.#lines.find(id);
      if (place === undefined) {
        if (!this.#holds.release(client, message)) this.#elsewhere.release(client, message, time);
        return;
      }
      this.#lines.leave(place.row, place.waiter);
      this.#rows.changed(place.row);
      this.#settle(place.row, time);
      this.#outbox.reply(client, [released, sequence, false, 0]);
      return;
    }
    this.#keys.end(key);
    this.#outbox.reply(client, [released, sequence, true, key.terms.count]);
    this.#free(key, time);
  }

  /** A connection closed: those behind its waiters may be served while it is gone. */
  closed(client: Client, time: Time): void {
    for (const row of this.#lines.closed(client, time.boot)) {
      this.#rows.changed(row);
      this.#settle(row, time);
    }
  }

  /** Ends what was not heard of for its lifetime, and turns away those whose patience is over. */
  tick(time: Time): void {
    for (const key of this.#keys.endExpired(time.boot)) {
      const { license, count } = key.terms;
      const { user, host, pid } = key.holder;
      const fields = { license, user, host, pid, count };
      this.#outbox.note('info', 'a seat came back: its holder was not heard of', fields);
      this.#free(key, time);
    }
    for (const { row, waiter } of this.#lines.due(time.boot)) {
      if (waiter.goneSince !== null) this.#lines.leave(row, waiter);
      this.#rows.changed(row);
      this.#settle(row, time);
    }
    this.#lines.tellMoved(time.boot);
  }

  /** The ledger changed these rows: seats may have come, or a deficit. */
  refreshed(rows: readonly Row[], time: Time): void {
    for (const row of rows) {
      // A claim for a seat that was given back, by a client that is not ours, takes it anyway.
      if (row.available < 0) {
        const fields = { license: row.id, inUse: row.inUse, allocated: row.allocated };
        this.#outbox.note('warn', 'more seats are in use here than the ledger allows', fields);
      }
      this.#rows.payDeficit(row);
      if (this.#pool.isLeaving) this.#rows.giveUp(row);
      if (row.line.length > 0) this.#settle(row, time);
    }
  }

  /** Takes a recovered key into its row's account. */
  count(key: SeatKey): void {
    this.#rows.of(key.terms.license).inUse += key.terms.count;
  }

  /** A key that its client claimed from another server lives here from now on. */
  adopt(license: string, { id, count, lifetimeMs, since, holder }: ClaimedKey, time: Time): void {
    const row = this.#rows.get(license);
    // The client may have asked for a seat under the same key here, too.
    if (row === undefined || this.#keys.get(id) !== undefined) return;
    // Or wait here: it has what it waits for, and served too it would have its key twice.
    const place = this.#lines.find(id);
    if (place !== undefined) {
      this.#lines.leave(place.row, place.waiter);
      this.#rows.changed(place.row);
    }
    const [user, host, pid, address, instance] = holder;
    const terms = row.termsOf(count, lifetimeMs);
    const body = { id, since, terms, holder: { user, host, pid, address, instance } };
    this.#keys.issue(body, time.boot);
    row.inUse += count;
    this.#rows.changed(row);
    if (place !== undefined && place.row !== row) this.#settle(place.row, time);
  }

  /** A key of this server ended by the ledger: claimed elsewhere, or its time was over. */
  drop(key: SeatKey): void {
    this.#keys.end(key);
    const row = this.#rows.of(key.terms.license);
    row.inUse -= key.terms.count;
    this.#rows.changed(row);
  }

  /** The window opened: who waits may be served. */
  opened(time: Time): void {
    for (const row of this.#rows.values()) if (row.line.length > 0) this.#settle(row, time);
  }

  #issue(row: Row, waiter: Waiter, time: Time): void {
    if (waiter.holdMs > 0 || waiter.commute !== null) {
      this.#holds.enter(row, waiter, time);
      return;
    }
    const { id, count, client, sequence } = waiter;
    const terms = row.termsOf(count, row.lifetimeMs);
    const body = { id, since: time.wall, terms, holder: holderOf(client) };
    row.inUse += count;
    this.#rows.changed(row);
    assert(row.inUse + row.outgoing <= row.allocated, 'a server issues only what it was allocated');
    const key = this.#keys.issue(body, time.boot);
    this.#replies.grant(client, sequence, key, terms.lifetimeMs);
  }

  #free(key: SeatKey, time: Time): void {
    const row = this.#rows.of(key.terms.license);
    row.inUse -= key.terms.count;
    this.#rows.changed(row);
    assert(row.inUse >= 0, 'no more seats come back than were issued');
    if (row.accounts.deficit > 0) this.#rows.payDeficit(row);
    if (this.#pool.isLeaving) this.#rows.giveUp(row);
    if (row.line.length > 0) this.#settle(row, time);
  }

  /**
   * Serves the line as far as seats go, then answers who is left: those without patience are turned
   * away once nothing more is on its way here, and `asking` is told its place.
   */
  #settle(row: Row, time: Time, asking?: Waiter): void {
    for (;;) {
      this.#serve(row, time);
      this.#rows.drawForLine(row);
      const { head } = row.line;
      if (head === null || !this.#waitsInVain(row, head, time)) break;
      // With it gone, those behind may be served.
      this.#turnAway(row, head);
    }
    for (const waiter of [...row.line]) {
      if (this.#waitsInVain(row, waiter, time)) this.#turnAway(row, waiter);
    }
    if (asking === undefined || this.#lines.find(asking.id) === undefined) return;
    if (asking.patienceEnd > time.boot) {
      this.#lines.tell(row, asking, row.line.positionOf(asking));
    }
  }

  #serve(row: Row, time: Time): void {
    if (!this.#pool.mayIssue(time.boot) || this.#pool.isLeaving) return;
    for (let head = row.line.head; head !== null; head = row.line.head) {
      const servable = row.phase === 'active' && row.accounts.deficit === 0;
      if (!servable || head.count > row.available || !this.#rows.serves(row)) return;
      this.#lines.leave(row, head);
      this.#rows.changed(row);
      this.#issue(row, head, time);
    }
  }

  #turnAway(row: Row, waiter: Waiter): void {
    this.#lines.leave(row, waiter);
    this.#rows.changed(row);
    if (waiter.goneSince !== null) return;
    const why = this.#pool.isLeaving ? leaving(this.#pool) : notServed(row, waiter.count);
    this.#replies.denied(waiter.client, waiter.sequence, why);
  }

  /** Why a key may not be renewed, or null. */
  #overBy(key: SeatKey): Denial | null {
    const row = this.#rows.of(key.terms.license);
    if (this.#pool.state.evicted.has(key.id)) return evicted(row);
    return row.isStopped ? expired(row) : null;
  }

  /** In a pool of one nothing has to be asked of anyone. */
  get #graceMs(): number {
    return this.#pool.isAlone ? 0 : BORROW_MS_MAX;
  }

  /** Its patience is over, or no seat that comes free will ever be for it. */
  #waitsInVain(row: Row, waiter: Waiter, time: Time): boolean {
    const { count, patienceEnd, graceEnd } = waiter;
    if (row.phase !== 'active' || count > row.ceiling || this.#pool.isLeaving) return true;
    if (patienceEnd > time.boot || row.incoming > 0) return false;
    return graceEnd <= time.boot || this.#isHopeless(row, waiter);
  }

  /** What is free is not enough: for those before it, or for the first, as the leader knows it. */
  #isHopeless(row: Row, waiter: Waiter): boolean {
    if (row.word === null || !row.word.scarce) return false;
    const isFirst = row.line.head === waiter && row.headGoesFirst;
    return !isFirst || this.#pool.reporter.isKnown(row.id);
  }

  /** What is known of the lines of the pool changed. */
  lines(rows: readonly Row[], time: Time): void {
    for (const row of rows) this.#settle(row, time);
  }
}
