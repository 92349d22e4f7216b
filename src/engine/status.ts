/**
 * What `lm status` shows: the pool, its distribution tables (FIG. 5) and, page by page, the
 * authorizations. A key never appears, only its id.
 */
import type { Client } from './client.ts';
import { expiringAt } from './expiry-warnings.ts';
import type { Holder } from './key-record.ts';
import type { KeyTable } from './key-table.ts';
import { termsFrom } from './ledger/epochs.ts';
import type { HeldSeat } from './ledger/held-seats.ts';
import { STATUS_PAGE_MAX, STATUS_SCAN_MAX } from './limits.ts';
import type { StatusQuery } from './messages.ts';
import { type AuthorizationFields, MessageType, type StatusPage } from './messages.ts';
import { contactOf } from './pool/contact.ts';
import type { Pool } from './pool/pool.ts';
import { formatAvailable } from './pool/upgrade.ts';
import type { RecentMoves } from './recent-moves.ts';
import type { Row } from './row.ts';
import type { Rows } from './rows.ts';
import { idBytes, idText } from './seat-key.ts';
import { cellOf, serverDocument } from './status-servers.ts';
import type { Time } from './time.ts';

/** Where a client's listing stands: the walk goes on while keys come and go. */
interface Walk {
  readonly seats: IterableIterator<Listed>;
  last: string;
}

/** A seat as the status shows it. */
interface Listed {
  readonly id: string;
  readonly license: string;
  readonly count: number;
  /** Its name: where it lives or, of a record, who entered it. */
  readonly server: string;
  readonly holder: Omit<Holder, 'instance'>;
  /** Wall time, milliseconds. */
  readonly since: number;
  readonly expiresAt: number;
  readonly state: 'active' | 'evicted' | 'held' | 'commuted' | 'written-off';
}

export class Status {
  readonly #pool: Pool;
  readonly #name: string;
  readonly #rows: Rows;
  readonly #keys: KeyTable;
  readonly #moves: RecentMoves;
  /** When a record that is held is over, boot-time clock. */
  readonly #endOf: (id: string) => number;
  readonly #walks = new WeakMap<Client, Walk>();

  constructor(parts: {
    readonly pool: Pool;
    readonly name: string;
    readonly rows: Rows;
    readonly keys: KeyTable;
    readonly moves: RecentMoves;
    readonly endOf: (id: string) => number;
  }) {
    this.#pool = parts.pool;
    this.#name = parts.name;
    this.#rows = parts.rows;
    this.#keys = parts.keys;
    this.#moves = parts.moves;
    this.#endOf = parts.endOf;
  }

  /** The first page carries the document; each page carries authorizations that match. */
  page(client: Client, query: StatusQuery, time: Time): StatusPage {
    const [, sequence, application, , , after] = query;
    const walk = this.#walkFrom(client, after, time);
    const found: AuthorizationFields[] = [];
    let next: Uint8Array | null = null;
    for (let scanned = 0; ; scanned++) {
      if (found.length >= STATUS_PAGE_MAX || scanned >= STATUS_SCAN_MAX) {
        next = idBytes(walk.last);
        break;
      }
      const step = walk.seats.next();
      if (step.done === true) break;
      walk.last = step.value.id;
      const fields = this.#authorization(step.value, query);
      if (fields !== null) found.push(fields);
    }
    const document = after === null ? this.#document(application) : null;
    return [MessageType.statusPage, sequence, document, found, next];
  }

  /** Goes on where the client's last page ended; a stranger's cursor starts anew. */
  #walkFrom(client: Client, after: Uint8Array | null, time: Time): Walk {
    const known = this.#walks.get(client);
    if (after !== null && known !== undefined && known.last === idText(after)) return known;
    const walk = { seats: this.#listed(time), last: '' };
    this.#walks.set(client, walk);
    return walk;
  }

  #authorization(seat: Listed, query: StatusQuery): AuthorizationFields | null {
    const [, , application, user, host] = query;
    const { license: id, holder } = seat;
    const license = this.#rows.of(id).named;
    if (application !== null && license.application !== application) return null;
    if (user !== null && holder.user !== user) return null;
    if (host !== null && holder.host !== host) return null;
    return [
      idBytes(seat.id),
      license.vendor,
      license.application,
      license.version,
      seat.count,
      seat.server,
      holder.user,
      holder.host,
      holder.pid,
      holder.address,
      seat.since,
      Math.round(seat.expiresAt),
      seat.state,
    ];
  }

  /** The keys that live here, then the records, which every server knows. */
  *#listed({ wall, boot }: Time): IterableIterator<Listed> {
    const { state } = this.#pool;
    for (const { id, terms, holder, since, deadline } of this.#keys.values()) {
      const expiresAt = wall + deadline - boot;
      const shown = state.evicted.has(id) ? 'evicted' : 'active';
      const { license, count } = terms;
      const key = { id, license, count, since, expiresAt };
      yield { ...key, server: this.#name, holder, state: shown };
    }
    for (const held of state.held.values()) {
      const { key, license, commute } = held;
      const { id, count, since } = key;
      const [user, host, pid, address] = key.holder;
      const holder = { user, host, pid, address };
      const expiresAt = commute?.end ?? wall + this.#endOf(id) - boot;
      const server = this.#pool.nameOf(held.server);
      const shown = { id, license, count, since, expiresAt, server, holder };
      yield { ...shown, state: recordState(held, state.evicted) };
    }
  }

  #document(application: string | null): Record<string, unknown> {
    const { leader, ledger, state, standing, time } = this.#pool;
    const { rlf, members } = state;
    return {
      pool: rlf.pool,
      rlf: { sequence: rlf.sequence, digest: rlf.digest },
      format: state.format.current,
      formatAvailable: formatAvailable(this.#pool),
      epoch: ledger.epoch,
      // Within the epoch: Raft's own is beyond those of all epochs before.
      term: standing.term - termsFrom(ledger.epoch),
      leader: leader === null ? null : this.#pool.nameOf(leader),
      majority: this.#pool.window.isOpen(time.boot),
      majorityRule: contactOf(this.#pool),
      servers: members.all.map((server, at) => {
        return serverDocument(this.#pool, server, at < rlf.servers.length ? at + 1 : null);
      }),
      licenses: this.#licenses(application),
    };
  }

  #licenses(application: string | null): Record<string, unknown>[] {
    return [...this.#rows.values()]
      .filter(({ named }) => application === null || named.application === application)
      .map((row) => this.#license(row));
  }

  /** Seats that end within 30 days: when, in how many days, and how many are left then. */
  #expiring({ license }: Row): Record<string, unknown> | null {
    const expiring = license === null ? null : expiringAt(license, this.#pool.state.mark);
    if (expiring === null) return null;
    const { at, days, left } = expiring;
    return { at: new Date(at).toISOString(), days, left };
  }

  #license(row: Row): Record<string, unknown> {
    const { vendor, application, version } = row.named;
    const { hardLimit, freePool, deficit, records } = row.accounts;
    const commuted = this.#pool.state.held.commuted(row.id);
    const expires = row.license?.expires ?? null;
    const cells = this.#pool.state.members.all.map((server) => cellOf(this.#pool, row, server));
    return {
      vendor,
      application,
      version,
      hardLimit,
      expires: expires === null ? null : new Date(expires).toISOString(),
      expiring: this.#expiring(row),
      available: sum(
        cells.map(({ available }) => available),
        freePool,
      ),
      inUse: sum(
        cells.map(({ inUse }) => inUse),
        0,
      ),
      freePool,
      deficit,
      commuted,
      held: records - commuted,
      // Given up by this server, by entries that are not applied yet.
      underWay: row.outgoing,
      moves: { underWay: this.#moves.underWay(row.id), last: this.#moves.last(row.id) },
      waiting: sum(
        cells.map(({ waiting }) => waiting),
        0,
      ),
      distribution: cells.map(({ waiting: _, ...cell }) => cell),
    };
  }
}

function recordState(
  { key, commute, writtenOff }: HeldSeat,
  evicted: ReadonlyMap<string, number>,
): Listed['state'] {
  if (commute !== null) return writtenOff ? 'written-off' : 'commuted';
  return evicted.has(key.id) ? 'evicted' : 'held';
}

/** Unknown where a part of it is. */
function sum(numbers: readonly (number | null)[], start: number): number | null {
  let total = start;
  for (const number of numbers) {
    if (number === null) return null;
    total += number;
  }
  return total;
}
