/** All lines of this server: who waits, found by key and by connection. */
import type { Client } from './client.ts';
import type { Outbox } from './effects.ts';
import { NOTICE_INTERVAL_MS, NOTICES_MAX } from './limits.ts';
import { type Waiter, waiterDeadline } from './line.ts';
import { MessageType } from './messages.ts';
import { type Places, pollMsOf } from './places.ts';
import type { Row } from './row.ts';

const LOOK_AGAIN_MS = 20;

export class Lines {
  readonly #outbox: Outbox;
  readonly #places: Places;
  readonly #byId = new Map<string, { readonly row: Row; readonly waiter: Waiter }>();
  readonly #ofClient = new Map<number, Set<Waiter>>();
  /** Rows with a line. */
  readonly #rows = new Set<Row>();
  #noticeAt = 0;
  /** When `due` was asked last. */
  #looked = Number.NEGATIVE_INFINITY;

  constructor(outbox: Outbox, places: Places) {
    this.#outbox = outbox;
    this.#places = places;
  }

  /** Pool time is counted anew. Returns the rows whose lines go by it. */
  shift(byMs: number): Iterable<Row> {
    for (const row of this.#rows) row.line.shift(byMs);
    return this.#rows;
  }

  /** The waiter for a key, with the row at which it waits. */
  find(id: string): { readonly row: Row; readonly waiter: Waiter } | undefined {
    return this.#byId.get(id);
  }

  join(row: Row, waiter: Waiter): void {
    row.line.join(waiter);
    this.#byId.set(waiter.id, { row, waiter });
    this.#rows.add(row);
    this.#attach(waiter);
  }

  leave(row: Row, waiter: Waiter): void {
    row.line.leave(waiter);
    this.#byId.delete(waiter.id);
    if (row.line.length === 0) this.#rows.delete(row);
    this.#detach(waiter);
  }

  /** A poll: the waiter is there, and is to be answered so from now on. */
  poll(waiter: Waiter, { client, sequence, patienceEnd, graceEnd }: PollAnswer): void {
    this.#detach(waiter);
    waiter.client = client;
    waiter.sequence = sequence;
    waiter.patienceEnd = patienceEnd;
    waiter.graceEnd = graceEnd;
    waiter.goneSince = null;
    this.#attach(waiter);
  }

  /** A connection closed: its waiters keep their places for a grace. Returns where they wait. */
  closed(client: Client, now: number): Set<Row> {
    const rows = new Set<Row>();
    for (const waiter of this.#ofClient.get(client.number) ?? []) {
      waiter.goneSince = now;
      const row = this.#byId.get(waiter.id)?.row;
      if (row !== undefined) rows.add(row);
    }
    this.#ofClient.delete(client.number);
    return rows;
  }

  /** Tells a waiter where it stands: `place` in the line of this server, of the whole pool's. */
  tell(row: Row, waiter: Waiter, place: number): void {
    const position = place + row.aheadOf(waiter);
    waiter.told = position;
    const { client, sequence } = waiter;
    const pollMs = pollMsOf(row.lifetimeMs);
    const { waiting } = MessageType;
    const all = row.line.length + (row.word?.elsewhere ?? 0);
    const signed = this.#places.mint(row, waiter);
    this.#outbox.reply(client, [waiting, sequence, position, all, pollMs, signed]);
  }

  /** Tells those near the head of each line that they moved up. */
  tellMoved(now: number): void {
    if (now < this.#noticeAt) return;
    this.#noticeAt = now + NOTICE_INTERVAL_MS;
    for (const row of this.#rows) {
      let position = 0;
      for (const waiter of row.line) {
        position++;
        if (position > NOTICES_MAX) break;
        // Who has no patience left has an answer coming, and no place to be told.
        const waits = waiter.goneSince === null && waiter.patienceEnd > now;
        if (waits && waiter.told !== position + row.aheadOf(waiter))
          this.tell(row, waiter, position);
      }
    }
  }

  /** Waiters whose time is over, with their rows. */
  due(now: number): { readonly row: Row; readonly waiter: Waiter }[] {
    this.#looked = now;
    const due: { readonly row: Row; readonly waiter: Waiter }[] = [];
    for (const row of this.#rows) {
      for (const waiter of row.line) if (waiterDeadline(waiter) <= now) due.push({ row, waiter });
    }
    return due;
  }

  /**
   * When a waiter is due or may have moved up, or null where nobody waits. One that is overdue
   * waits for seats on their way, and is looked at again a little later.
   */
  get nextDue(): number | null {
    if (this.#rows.size === 0) return null;
    let next = this.#noticeAt;
    for (const row of this.#rows) {
      for (const waiter of row.line) next = Math.min(next, waiterDeadline(waiter));
    }
    return Math.max(next, this.#looked + LOOK_AGAIN_MS);
  }

  #attach(waiter: Waiter): void {
    const { number } = waiter.client;
    const waiters = this.#ofClient.get(number);
    if (waiters === undefined) this.#ofClient.set(number, new Set([waiter]));
    else waiters.add(waiter);
  }

  #detach(waiter: Waiter): void {
    const waiters = this.#ofClient.get(waiter.client.number);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#ofClient.delete(waiter.client.number);
  }
}

interface PollAnswer {
  readonly client: Client;
  readonly sequence: number;
  readonly patienceEnd: number;
  readonly graceEnd: number;
}
