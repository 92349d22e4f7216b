/**
 * What `lm status` shows: the pool, its distribution tables (FIG. 5) and, page by page, the
 * authorizations. A key never appears, only its id.
 */
import type { Client } from './client.ts';
import type { KeyTable, SeatKey } from './key-table.ts';
import { STATUS_PAGE_MAX, STATUS_SCAN_MAX } from './limits.ts';
import type { StatusQuery } from './messages.ts';
import { type AuthorizationFields, MessageType, type StatusPage } from './messages.ts';
import type { Pool } from './pool/pool.ts';
import type { Row } from './row.ts';
import type { Rows } from './rows.ts';
import { idBytes, idText } from './seat-key.ts';
import { cellOf, serverDocument } from './status-servers.ts';
import type { Time } from './time.ts';

/** Where a client's listing stands: the walk goes on while keys come and go. */
interface Walk {
  readonly keys: IterableIterator<SeatKey>;
  last: string;
}

export class Status {
  readonly #pool: Pool;
  readonly #name: string;
  readonly #rows: Rows;
  readonly #keys: KeyTable;
  readonly #walks = new WeakMap<Client, Walk>();

  constructor(parts: {
    readonly pool: Pool;
    readonly name: string;
    readonly rows: Rows;
    readonly keys: KeyTable;
  }) {
    this.#pool = parts.pool;
    this.#name = parts.name;
    this.#rows = parts.rows;
    this.#keys = parts.keys;
  }

  /** The first page carries the document; each page carries authorizations that match. */
  page(client: Client, query: StatusQuery, time: Time): StatusPage {
    const [, sequence, application, , , after] = query;
    const walk = this.#walkFrom(client, after);
    const found: AuthorizationFields[] = [];
    let next: Uint8Array | null = null;
    for (let scanned = 0; ; scanned++) {
      if (found.length >= STATUS_PAGE_MAX || scanned >= STATUS_SCAN_MAX) {
        next = idBytes(walk.last);
        break;
      }
      const step = walk.keys.next();
      if (step.done === true) break;
      walk.last = step.value.id;
      const fields = this.#authorization(step.value, query, time);
      if (fields !== null) found.push(fields);
    }
    const document = after === null ? this.#document(application) : null;
    return [MessageType.statusPage, sequence, document, found, next];
  }

  /** Goes on where the client's last page ended; a stranger's cursor starts anew. */
  #walkFrom(client: Client, after: Uint8Array | null): Walk {
    const known = this.#walks.get(client);
    if (after !== null && known !== undefined && known.last === idText(after)) return known;
    const walk = { keys: this.#keys.values(), last: '' };
    this.#walks.set(client, walk);
    return walk;
  }

  #authorization(key: SeatKey, query: StatusQuery, time: Time): AuthorizationFields | null {
    const [, , application, user, host] = query;
    const license = this.#rows.of(key.terms.license).named;
    if (application !== null && license.application !== application) return null;
    if (user !== null && key.holder.user !== user) return null;
    if (host !== null && key.holder.host !== host) return null;
    return [
      idBytes(key.id),
      license.vendor,
      license.application,
      license.version,
      key.terms.count,
      this.#name,
      key.holder.user,
      key.holder.host,
      key.holder.pid,
      key.holder.address,
      key.since,
      Math.round(time.wall + key.deadline - time.boot),
      this.#pool.state.evicted.has(key.id) ? 'evicted' : 'active',
    ];
  }

  #document(application: string | null): Record<string, unknown> {
    const { leader, state, standing, time } = this.#pool;
    const { rlf, members } = state;
    return {
      pool: rlf.pool,
      rlf: { sequence: rlf.sequence, digest: rlf.digest },
      term: standing.term,
      leader: leader === null ? null : this.#pool.nameOf(leader),
      majority: this.#pool.window.isOpen(time.boot),
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

  #license(row: Row): Record<string, unknown> {
    const { vendor, application, version } = row.named;
    const { hardLimit, freePool, deficit, records } = row.accounts;
    const expires = row.license?.expires ?? null;
    const cells = this.#pool.state.members.all.map((server) => cellOf(this.#pool, row, server));
    return {
      vendor,
      application,
      version,
      hardLimit,
      expires: expires === null ? null : new Date(expires).toISOString(),
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
      commuted: 0,
      held: records,
      // Given up by this server, by entries that are not applied yet.
      underWay: row.outgoing,
      waiting: sum(
        cells.map(({ waiting }) => waiting),
        0,
      ),
      distribution: cells.map(({ waiting: _, ...cell }) => cell),
    };
  }
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
