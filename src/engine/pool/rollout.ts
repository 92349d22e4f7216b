/**
 * The leader's part in a rollout (DESIGN section 9): seats that an RLF wants elsewhere go there as
 * they are free. Servers that are to give are told how many to keep, as for a line; what they give
 * lies in the free pool, out of which the leader moves it on. A line comes first: while somebody
 * waits for a license nothing is redistributed.
 */
import { type Accounts, FREE_POOL } from '../ledger/accounts.ts';
import { ROLLOUT_LICENSES_MAX } from '../limits.ts';
import type { ServerId } from '../raft/types.ts';
import type { Place } from './lending.ts';
import type { Pool } from './pool.ts';
import type { LineWord } from './word.ts';

export class Rollout {
  readonly #pool: Pool;
  /** Licenses of which seats are being moved now. */
  readonly #moving = new Set<string>();
  /** Those that wait, since not everything is moved at once. */
  readonly #waiting = new Set<string>();
  /** This server's last proposal by license and accounts. */
  readonly #proposed = new Map<string, { session: number | null; number: number }>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  forget(): void {
    this.#moving.clear();
    this.#waiting.clear();
    this.#proposed.clear();
  }

  /** Every license of which seats are to be moved: a new leader, or a new RLF. */
  all(): string[] {
    const { accounts } = this.#pool.state;
    return [...accounts.values()]
      .filter(({ redistribution }) => redistribution.isUnderWay)
      .map(({ license }) => license);
  }

  /** Licenses that may be looked at now, which waited for others. */
  takeWaiting(): string[] {
    const room = ROLLOUT_LICENSES_MAX - this.#moving.size;
    if (room <= 0 || this.#waiting.size === 0) return [];
    const next = [...this.#waiting].slice(0, room);
    for (const license of next) this.#waiting.delete(license);
    return next;
  }

  /** What the servers are to know of a license that nobody waits for; null where nothing moves. */
  plan(license: string, placesOf: () => readonly Place[]): Map<ServerId, LineWord> | null {
    const accounts = this.#pool.state.accounts.get(license);
    const isDue = accounts !== undefined && this.isDue(license);
    const words = isDue ? this.#words(accounts, placesOf()) : null;
    if (words === null) this.#moving.delete(license);
    else this.#moving.add(license);
    return words;
  }

  /** Seats of it are still to go elsewhere, now or once they are free. */
  isDue(license: string): boolean {
    const accounts = this.#pool.state.accounts.get(license);
    return accounts !== undefined && accounts.redistribution.due.size > 0;
  }

  /** Somebody waits for this license. */
  pause(license: string): void {
    this.#moving.delete(license);
  }

  #words(accounts: Accounts, places: readonly Place[]): Map<ServerId, LineWord> | null {
    const { license, deficit, freePool } = accounts;
    const { due } = accounts.redistribution;
    if (deficit > 0) return null;
    const gives = ({ server, available }: Place) => Math.min(-(due.get(server) ?? 0), available);
    const gains = ({ server, usage }: Place) => (usage === null ? 0 : (due.get(server) ?? 0));
    const givers = places.filter((place) => gives(place) > 0);
    const takers = places.filter((place) => gains(place) > 0);
    if (givers.length === 0 && (takers.length === 0 || freePool === 0)) return null;
    if (!this.#moving.has(license) && this.#moving.size >= ROLLOUT_LICENSES_MAX) {
      this.#waiting.add(license);
      return null;
    }
    const words = new Map<ServerId, LineWord>();
    const free = freePool + places.reduce((sum, { available }) => sum + available, 0);
    const nobody = { othersSince: null, elsewhere: 0, ahead: 0 };
    const word = { license, ...nobody, free, scarce: false, to: null };
    for (const place of givers) {
      const { server, allocated, isDead } = place;
      if (isDead) this.#move(license, { from: server, to: FREE_POOL, count: gives(place) });
      else words.set(server, { ...word, keep: allocated - gives(place) });
    }
    let left = freePool;
    for (const place of takers) {
      const count = Math.min(left, gains(place));
      if (count === 0) break;
      left -= count;
      this.#move(license, { from: FREE_POOL, to: place.server, count });
    }
    return words;
  }

  /** Once: what is on its way already is not moved again. */
  #move(license: string, move: { from: string; to: string; count: number }): void {
    const { proposals, session } = this.#pool;
    const name = `${move.from} ${move.to} ${license}`;
    const known = this.#proposed.get(name);
    if (known?.session === session && proposals.isPending(known?.number ?? 0)) return;
    const number = this.#pool.propose({ type: 'move', license, ...move, claim: null });
    if (number === null) this.#proposed.delete(name);
    else this.#proposed.set(name, { session, number });
  }
}
