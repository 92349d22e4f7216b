/**
 * The last moves of seats and those under way, for people to read (DESIGN section 8): in memory
 * only, as this server saw them applied.
 */
import { DEFICIT, FREE_POOL, RECORDS } from './ledger/accounts.ts';
import type { Entry, Proposal } from './ledger/entries.ts';
import type { Applied } from './ledger/state.ts';
import { RECENT_MOVES_MAX } from './limits.ts';
import type { Pool } from './pool/pool.ts';

/**
 * Why seats move: asked for elsewhere, as a newer RLF says, with their holder, off a lost server,
 * without heartbeats, or owed.
 */
export type MoveReason =
  | 'borrow'
  | 'rollout'
  | 'claim'
  | 'lost-server'
  | 'hold'
  | 'commute'
  | 'deficit';

export interface Move {
  /** Names of servers, or `free-pool`, `held`, `commuted`, `deficit`. */
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly reason: MoveReason;
}

/** `at`: wall time at which this server applied it, as ISO 8601. */
export interface PastMove extends Move {
  readonly at: string;
}

type MoveEntry = Extract<Proposal, { type: 'move' | 'record' }>;

export class RecentMoves {
  readonly #pool: Pool;
  /** By license, the newest first. */
  readonly #last = new Map<string, PastMove[]>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  applied({ entry, valid }: Applied): void {
    if (!valid || !isMove(entry)) return;
    const at = new Date(this.#pool.time.wall).toISOString();
    const moves = this.#last.get(entry.license) ?? [];
    moves.unshift({ ...this.#words(entry, entry.by.server), at });
    moves.length = Math.min(moves.length, RECENT_MOVES_MAX);
    this.#last.set(entry.license, moves);
  }

  /** The newest first. */
  last(license: string): readonly PastMove[] {
    return this.#last.get(license) ?? [];
  }

  /** What this server proposed and, where it leads, what is in its log: not applied yet. */
  underWay(license: string): Move[] {
    const { ledger, leads, proposals, server: self } = this.#pool;
    const moves: Move[] = [];
    for (const { proposal } of proposals.pending) {
      if (isMove(proposal) && proposal.license === license) moves.push(this.#words(proposal, self));
    }
    if (!leads) return moves;
    for (const { entry } of ledger.unapplied()) {
      if (!isMove(entry) || entry.license !== license || entry.by.server === self) continue;
      moves.push(this.#words(entry, entry.by.server));
    }
    return moves;
  }

  #words(move: MoveEntry, author: string): Move {
    if (move.type === 'record') {
      const from = this.#nameOf(author);
      const { count } = move.key;
      if (move.commute !== null) return { from, to: 'commuted', count, reason: 'commute' };
      return { from, to: this.#nameOf(RECORDS), count, reason: 'hold' };
    }
    const { from, to, count } = move;
    const reason = reasonOf(move, author);
    return { from: this.#nameOf(from), to: this.#nameOf(to), count, reason };
  }

  #nameOf(account: string): string {
    return account === RECORDS ? 'held' : this.#pool.nameOf(account);
  }
}

type Moves<E> = Extract<E, { type: 'move' | 'record' }>;

function isMove<E extends Entry | Proposal>(entry: E | null): entry is Moves<E> {
  return entry?.type === 'move' || entry?.type === 'record';
}

function reasonOf({ claim, from, to }: Extract<MoveEntry, { type: 'move' }>, author: string) {
  if (claim !== null) return 'claim';
  if (to === DEFICIT) return 'deficit';
  // Whoever borrows draws for itself.
  if (from === FREE_POOL && to !== author) return 'rollout';
  return from === author || from === FREE_POOL ? 'borrow' : 'lost-server';
}
