/**
 * This server's rows of the distribution table, kept in step with the ledger, and the two ways in
 * which a server of one pool moves seats between its row and the rest: it draws from the free pool
 * for those who wait, and pays the deficit with what comes free.
 */
import type { Outbox } from './effects.ts';
import { assert } from './errors.ts';
import { DEFICIT, FREE_POOL } from './ledger/accounts.ts';
import type { LogEntry } from './ledger/entries.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Touched } from './ledger/state.ts';
import { HEADROOM_SEATS } from './limits.ts';
import { Row } from './row.ts';

export class Rows {
  readonly #server: string;
  readonly #ledger: Ledger;
  readonly #outbox: Outbox;
  readonly #rows = new Map<string, Row>();
  /** Moves of this server on their way, by index. */
  readonly #moving = new Map<number, { row: Row; incoming: number; outgoing: number }>();

  constructor(options: { server: string; ledger: Ledger; outbox: Outbox }) {
    this.#server = options.server;
    this.#ledger = options.ledger;
    this.#outbox = options.outbox;
    this.refresh(null);
    for (const { index, entry } of this.#ledger.pending) {
      // Proposed before a crash: its seats are as much on their way as if there had been none.
      const row = entry.type === 'move' ? this.#rows.get(entry.license) : undefined;
      if (entry.type === 'move' && row !== undefined) this.#depart(index, { ...entry, row });
    }
  }

  get(license: string): Row | undefined {
    return this.#rows.get(license);
  }

  /** The row of a live key's license. */
  of(license: string): Row {
    const row = this.#rows.get(license);
    assert(row !== undefined, 'every key has the row of its license');
    return row;
  }

  values(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** Takes over what the ledger says of the touched licenses (null: all). Returns their rows. */
  refresh(touched: Touched): Row[] {
    const { accounts, table, mark } = this.#ledger.state;
    const rows: Row[] = [];
    for (const id of touched ?? new Set([...accounts.keys(), ...this.#rows.keys()])) {
      const account = accounts.get(id);
      let row = this.#rows.get(id);
      if (account === undefined) {
        if (row !== undefined && row.inUse === 0 && row.line.length === 0) this.#rows.delete(id);
        if (row === undefined) continue;
      }
      if (row === undefined || (account !== undefined && row.accounts !== account)) {
        assert(account !== undefined && (row?.inUse ?? 0) === 0, 'seats in use keep their account');
        row = new Row(account);
        this.#rows.set(id, row);
      }
      row.refresh(this.#server, table.byId(id), mark);
      rows.push(row);
    }
    return rows;
  }

  /** An entry is applied: if it was a move of this server's, it is no longer on its way. */
  applied({ index }: LogEntry): void {
    const moving = this.#moving.get(index);
    if (moving === undefined) return;
    this.#moving.delete(index);
    moving.row.incoming -= moving.incoming;
    moving.row.outgoing -= moving.outgoing;
  }

  /** Asks for seats of the free pool for the line, if they can serve its head. */
  drawForLine(row: Row): void {
    const head = row.line.head;
    if (head === null || row.accounts.deficit > 0) return;
    const free = row.accounts.freePool - row.incoming;
    const here = row.available + row.incoming;
    if (free <= 0 || here >= head.count || here + free < head.count) return;
    const missing = Math.min(free, Math.max(head.count, row.line.seatsWanted) - here);
    const headroom = Math.min(HEADROOM_SEATS, Math.floor((free - missing) / 2));
    this.#move({ row, from: FREE_POOL, to: this.#server, count: missing + headroom });
  }

  /** Gives up what is available here, as far as the deficit asks for it. */
  payDeficit(row: Row): void {
    const count = Math.min(row.accounts.deficit - row.outgoing, row.available);
    if (count > 0) this.#move({ row, from: this.#server, to: DEFICIT, count });
  }

  #move(move: Moving): void {
    const { row, from, to, count } = move;
    const entry = { type: 'move', license: row.id, from, to, count } as const;
    this.#depart(this.#ledger.propose(entry, this.#outbox.writes), move);
  }

  #depart(index: number, { row, from, to, count }: Moving): void {
    const incoming = to === this.#server ? count : 0;
    const outgoing = from === this.#server ? count : 0;
    row.incoming += incoming;
    row.outgoing += outgoing;
    this.#moving.set(index, { row, incoming, outgoing });
  }
}

interface Moving {
  readonly row: Row;
  readonly from: string;
  readonly to: string;
  readonly count: number;
}
