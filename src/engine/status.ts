/**
 * What `lm status` shows: the pool, its distribution tables (FIG. 5) and, page by page, the
 * authorizations. A key never appears, only its id.
 */
import type { Client } from './client.ts';
import type { KeyTable, SeatKey } from './key-table.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { LedgerState } from './ledger/state.ts';
import { STATUS_PAGE_MAX, STATUS_SCAN_MAX } from './limits.ts';
import type { StatusQuery } from './messages.ts';
import { type AuthorizationFields, MessageType, type StatusPage } from './messages.ts';
import type { Row } from './row.ts';
import type { Rows } from './rows.ts';
import { idBytes, idText } from './seat-key.ts';
import type { Time } from './time.ts';

/** Where a client's listing stands: the walk goes on while keys come and go. */
interface Walk {
  readonly keys: IterableIterator<SeatKey>;
  last: string;
}

export class Status {
  readonly #server: string;
  readonly #name: string;
  readonly #ledger: Ledger;
  readonly #state: LedgerState;
  readonly #rows: Rows;
  readonly #keys: KeyTable;
  readonly #walks = new WeakMap<Client, Walk>();

  constructor(parts: {
    readonly server: string;
    readonly name: string;
    readonly ledger: Ledger;
    readonly state: LedgerState;
    readonly rows: Rows;
    readonly keys: KeyTable;
  }) {
    this.#server = parts.server;
    this.#name = parts.name;
    this.#ledger = parts.ledger;
    this.#state = parts.state;
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
      'active',
    ];
  }

  #document(application: string | null): Record<string, unknown> {
    const { rlf } = this.#state;
    return {
      pool: rlf.pool,
      rlf: { sequence: rlf.sequence, digest: rlf.digest },
      term: this.#ledger.term,
      leader: this.#name,
      majority: true,
      servers: rlf.servers.map(({ name, address, fingerprint }, at) => ({
        name,
        address,
        role: fingerprint === this.#server ? 'leader' : 'joining',
        state: fingerprint === this.#server ? 'up' : 'down',
        priority: at + 1,
        rlfSequence: fingerprint === this.#server ? rlf.sequence : null,
      })),
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
    return {
      vendor,
      application,
      version,
      hardLimit,
      expires: expires === null ? null : new Date(expires).toISOString(),
      available: row.available + freePool,
      inUse: row.inUse,
      freePool,
      deficit,
      commuted: 0,
      held: records,
      waiting: row.line.length,
      distribution: this.#state.rlf.servers.map(({ name, fingerprint }) => {
        const own = fingerprint === this.#server;
        const allocated = row.accounts.rows.get(fingerprint) ?? 0;
        return {
          server: name,
          allocated,
          inUse: own ? row.inUse : 0,
          available: own ? row.available : allocated,
          lendable: own ? row.available : 0,
        };
      }),
    };
  }
}
