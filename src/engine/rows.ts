/**
 * This server's rows of the distribution table, kept in step with the ledger, and the two ways in
 * which a server of one pool moves seats between its row and the rest: it draws from the free pool
 * for those who wait, and pays the deficit with what comes free.
 */
import { assert } from './errors.ts';
import { DEFICIT, FREE_POOL } from './ledger/accounts.ts';
import { heirOf } from './ledger/departures.ts';
import type { Proposal } from './ledger/entries.ts';
import type { Applied, Touched } from './ledger/state.ts';
import { HEADROOM_SEATS } from './limits.ts';
import type { Pool } from './pool/pool.ts';
import type { Usage } from './pool/report.ts';
import type { LineWord } from './pool/word.ts';
import { Row } from './row.ts';

export class Rows {
  readonly #server: string;
  readonly #pool: Pool;
  readonly #rows = new Map<string, Row>();
  /** Proposals of this server on their way, by number. */
  readonly #moving = new Map<number, Moving>();
  /** Rows whose usage the leader may not know. */
  readonly #changed = new Set<Row>();
  /** Rows of which the leader said something. */
  readonly #worded = new Set<Row>();

  constructor(pool: Pool) {
    this.#server = pool.server;
    this.#pool = pool;
    this.refresh(null);
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

  /** Licenses may come that are not known yet: by an RLF, or by the first mark. */
  get areChanging(): boolean {
    const { leaderRequests, state } = this.#pool;
    return state.mark === 0 || leaderRequests.awaitsRlf;
  }

  values(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** Takes over what the ledger says of the touched licenses (null: all). Returns their rows. */
  refresh(touched: Touched): Row[] {
    const { accounts, table, mark } = this.#pool.state;
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
      this.#changed.add(row);
      rows.push(row);
    }
    return rows;
  }

  /** What was proposed under this number is applied, void or not: no longer on its way. */
  applied({ entry }: Applied): void {
    const number = this.#pool.ownNumber(entry) ?? 0;
    const moving = this.#moving.get(number);
    if (moving === undefined) return;
    this.#moving.delete(number);
    arrived(moving);
  }

  /** What was proposed up to this number is no longer on its way. */
  over(proposal: number): void {
    for (const [number, moving] of this.#moving) {
      if (number > proposal) return;
      this.#moving.delete(number);
      arrived(moving);
    }
  }

  /** Seats of a row were issued, or came back. */
  changed(row: Row): void {
    this.#changed.add(row);
  }

  /** Usage that changed since the last call. */
  takeChanged(): { readonly usage: readonly Usage[]; readonly urgent: boolean } {
    if (this.#changed.size === 0) return NOTHING;
    let urgent = false;
    const usage = [...this.#changed].map((row) => {
      urgent ||= row.word !== null || row.line.length > 0;
      return row.usage;
    });
    this.#changed.clear();
    return { usage, urgent };
  }

  /** What the leader says of the lines: of these licenses, and of no others. Returns their rows. */
  follow(words: readonly LineWord[]): Row[] {
    const rows = new Set<Row>();
    for (const row of this.#worded) {
      row.word = null;
      rows.add(row);
    }
    this.#worded.clear();
    for (const word of words) {
      const row = this.#rows.get(word.license);
      if (row === undefined) continue;
      row.word = word;
      this.#worded.add(row);
      rows.add(row);
      this.#lend(row, word);
    }
    return [...rows];
  }

  /** Gives up what the leader wants for others, as far as it is available. */
  #lend(row: Row, { keep, to }: LineWord): void {
    if (keep === null || row.headGoesFirst) return;
    const count = Math.min(row.available, row.allocated - row.outgoing - keep);
    if (count > 0) this.#move({ row, from: this.#server, to: to ?? FREE_POOL, count });
  }

  /**
   * The head of a row's line is the first of the pool. Where the pool had a line, that takes a
   * leader which knows who waits at all servers that are up.
   */
  serves(row: Row): boolean {
    return row.headGoesFirst && (row.word === null || this.#pool.knowsLines);
  }

  /** Asks for seats of the free pool for the line, if they can serve its head. */
  drawForLine(row: Row): void {
    const head = row.line.head;
    if (head === null || row.accounts.deficit > 0 || !this.serves(row)) return;
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

  /** This server is on its way out: what is free goes to its successor, or to the free pool. */
  giveUp(row: Row): void {
    const to = heirOf(this.#server, this.#pool.state);
    if (row.available > 0) this.#move({ row, from: this.#server, to, count: row.available });
  }

  /** Proposes something about a license; `outgoing` of its seats are no longer available here. */
  propose(row: Row, proposal: Proposal, outgoing: number): number | null {
    return this.#propose(proposal, { row, incoming: 0, outgoing });
  }

  #move({ row, from, to, count }: Move): void {
    const proposal = { type: 'move', license: row.id, from, to, count, claim: null } as const;
    const incoming = to === this.#server ? count : 0;
    const outgoing = from === this.#server ? count : 0;
    this.#propose(proposal, { row, incoming, outgoing });
  }

  #propose(proposal: Proposal, moving: Moving): number | null {
    const number = this.#pool.propose(proposal);
    if (number === null) return null;
    const { row, incoming, outgoing } = moving;
    row.incoming += incoming;
    row.outgoing += outgoing;
    this.#moving.set(number, moving);
    return number;
  }
}

/** What is on its way between this server's row and the other accounts. */
interface Moving {
  readonly row: Row;
  readonly incoming: number;
  readonly outgoing: number;
}

interface Move {
  readonly row: Row;
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

const NOTHING = { usage: [], urgent: false };

function arrived({ row, incoming, outgoing }: Moving): void {
  row.incoming -= incoming;
  row.outgoing -= outgoing;
}
