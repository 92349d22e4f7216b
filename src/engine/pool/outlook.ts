/**
 * What is known of a license beyond this server's own row: what the others could lend and how many
 * wait there, as the leader knows it, and what became of the rows of servers that are lost. Only
 * for people to read: nothing is decided by it.
 */
import type { Row } from '../row.ts';
import type { Leading } from './leading.ts';
import { byMostAvailable } from './lending.ts';
import type { Pool } from './pool.ts';

export interface Lender {
  /** Its name. */
  readonly server: string;
  readonly available: number;
  /** It is dead, and its row is nobody's: it is not asked. */
  readonly opened: boolean;
}

export interface Elsewhere {
  /** Who has seats to lend, in the order in which they are asked. */
  readonly lenders: readonly Lender[];
  readonly waiting: number;
}

export interface LostServer {
  readonly server: string;
  readonly state: 'down' | 'fenced' | 'opened';
  readonly allocated: number;
  /** When a fenced server's row can be lent, boot-time clock; null where that is not known. */
  readonly opensAt: number | null;
}

export class Outlook {
  readonly #pool: Pool;
  readonly #leading: Leading;

  constructor(pool: Pool, leading: Leading) {
    this.#pool = pool;
    this.#leading = leading;
  }

  /** Null where this server does not lead, or leads and does not know yet. */
  elsewhere({ id }: Row): Elsewhere | null {
    const places = this.#pool.leads ? this.#leading.places(id) : null;
    if (places === null) return null;
    const others = places.filter(({ server }) => server !== this.#pool.server);
    const waiting = others.reduce((sum, { usage }) => sum + (usage?.waiting ?? 0), 0);
    const lenders = others
      .filter(({ available }) => available > 0)
      .sort(byMostAvailable)
      .map(({ server, available, isDead: opened }) => {
        return { server: this.#pool.nameOf(server), available, opened };
      });
    return { lenders, waiting };
  }

  /** Servers of the pool that are down, fenced or opened, in list order. */
  lost({ accounts }: Row): LostServer[] {
    const { state, server: self } = this.#pool;
    const lost: LostServer[] = [];
    for (const { name: server, fingerprint: id } of state.members.all) {
      const isFenced = state.servers.isFenced(id);
      if (id === self || (!isFenced && this.#pool.isUp(id))) continue;
      const allocated = accounts.rows.get(id) ?? 0;
      const isOpened = state.isOpened(id, accounts);
      const opensAt = isFenced ? this.#leading.opensAt(id, accounts) : null;
      const lostAs = isOpened ? 'opened' : isFenced ? 'fenced' : 'down';
      lost.push({ server, state: lostAs, allocated, opensAt });
    }
    return lost;
  }
}
