/**
 * Keys that the ledger moves or ends (DESIGN section 4): what leaves this server is dropped, what
 * comes to it enters its key table, heard now, whether or not its client still waits.
 */
import type { Issuer } from './issuer.ts';
import type { KeyTable } from './key-table.ts';
import type { ClaimedKey } from './ledger/entries.ts';
import type { Applied } from './ledger/state.ts';
import type { Pool } from './pool/pool.ts';
import type { Time } from './time.ts';

export class KeyMoves {
  readonly #pool: Pool;
  readonly #keys: KeyTable;
  readonly #issuer: Issuer;

  constructor(parts: {
    readonly pool: Pool;
    readonly keys: KeyTable;
    readonly issuer: Issuer;
  }) {
    this.#pool = parts.pool;
    this.#keys = parts.keys;
    this.#issuer = parts.issuer;
  }

  applied({ entry, valid }: Applied, time: Time): void {
    if (entry === null && !this.#pool.takesPart) this.#dropAll(null);
    if (!valid || entry === null) return;
    if (entry.type === 'move' && entry.claim !== null) {
      const { key } = entry.claim;
      this.#move({ key, license: entry.license, from: entry.from, to: entry.to }, time);
    } else if (entry.type === 'end') {
      const to = entry.released ? null : entry.by.server;
      this.#move({ key: entry.key, license: entry.license, from: entry.server, to }, time);
    } else if (entry.type === 'record-take' && entry.by.server === this.#pool.server) {
      this.#issuer.adopt(entry.license, entry.key, time);
    } else if (entry.type === 'opened' && entry.server === this.#pool.server) {
      this.#dropAll(new Set(entry.licenses));
    }
  }

  /**
   * The entries after `before` were not seen one by one: what the state says of keys is made up
   * for. Seats of keys that came here unseen would else be given to others (DESIGN section 4).
   */
  restored(before: number, time: Time): void {
    const { server, state } = this.#pool;
    const opened = [...state.accounts.values()]
      .filter((account) => (account.opened.get(server) ?? 0) > before)
      .map(({ license }) => license);
    this.#dropAll(new Set(opened));
    for (const { key } of state.moved.from(server)) this.#drop(key.id);
    for (const { index, from, to, license, key } of [...state.moved.all()]) {
      const left = state.moved.get(server, key.id);
      const isHere = to === server && (left === undefined || left.index < index);
      const isOpened = (state.accounts.get(license)?.opened.get(server) ?? 0) > index;
      if (isHere && index > before && !isOpened) this.#move({ key, license, from, to }, time);
    }
  }

  #move({ key, license, from, to }: Move, time: Time): void {
    if (from === this.#pool.server) this.#drop(key.id);
    if (to === this.#pool.server) this.#issuer.adopt(license, key, time);
  }

  #drop(id: string): void {
    const key = this.#keys.get(id);
    if (key !== undefined) this.#issuer.drop(key);
  }

  /** Their time is over, by the clock of a server that waited for it. */
  #dropAll(licenses: ReadonlySet<string> | null): void {
    if (licenses?.size === 0) return;
    for (const key of [...this.#keys.values()]) {
      if (licenses?.has(key.terms.license) ?? true) this.#issuer.drop(key);
    }
  }
}

interface Move {
  readonly key: ClaimedKey;
  readonly license: string;
  readonly from: string;
  readonly to: string | null;
}
