/**
 * What the ledger's entries add up to. It is kept on disk as it is after the last applied entry,
 * in the transaction that applies it, so that a start reads it and replays nothing.
 */
import { assert } from '../errors.ts';
import { distributionOf } from '../license/distribution.ts';
import { LicenseTable, type TableLicense } from '../license/license-table.ts';
import { readRlf } from '../license/rlf.ts';
import type { Rlf } from '../license/types.ts';
import type { Write } from '../records.ts';
import { drop, put, type RecordSource, read, Space, spacePrefix, textKey } from '../records.ts';
import type { Accounts } from './accounts.ts';
import {
  accountsRecord,
  distribute,
  isEmpty,
  moveSeats,
  openAccounts,
  readAccounts,
  setHardLimit,
} from './accounts.ts';
import type { Entry, LogEntry } from './entries.ts';
import { supersedes } from './offer.ts';

/** A server as the ledger knows it. */
export interface ServerState {
  state: 'returned' | 'fenced' | 'opened';
  boot: number;
  /** How often it was opened. */
  generation: number;
  /** Index of the newest `fenced` entry about it, or null. */
  fence: number | null;
}

/** What applying an entry touched: licenses by id, or null for all of them. */
export type Touched = ReadonlySet<string> | null;

const STATE_KEY = spacePrefix(Space.state);
const RLF_KEY = spacePrefix(Space.rlf);
const NOTHING: Touched = new Set();

export class LedgerState {
  /** Index of the last applied entry. */
  applied = 0;
  /** Wall time by which license dates are judged; 0 before the first mark. Never falls. */
  mark = 0;
  /** How often the pool was founded anew. */
  readonly epoch = 1;
  secret: Uint8Array | null = null;
  secretGeneration = 0;
  rlf: Rlf;
  /** FIG. 4: the RLF's licenses in memory, never modified while that RLF is in force. */
  table: LicenseTable;
  readonly servers = new Map<string, ServerState>();
  readonly accounts = new Map<string, Accounts>();

  private constructor(rlf: Rlf) {
    this.rlf = rlf;
    this.table = new LicenseTable(rlf);
  }

  /** A pool before its first entry; its licenses open at the first mark, by their dates. */
  static found(rlf: Rlf): LedgerState {
    return new LedgerState(rlf);
  }

  /** As the records say, or null where there are none. */
  static recover(source: RecordSource): LedgerState | null {
    const record = source.get(STATE_KEY);
    const text = source.get(RLF_KEY);
    if (record === null || text === null) return null;
    const state = new LedgerState(readRlf(String(read(text))));
    state.#readRecord(read(record));
    for (const [key, value] of source.scan(spacePrefix(Space.account))) {
      const license = Buffer.from(key.subarray(1)).toString('utf8');
      state.accounts.set(license, readAccounts(license, read(value)));
    }
    return state;
  }

  /** Applies the entry after the last applied one. A void entry changes nothing. */
  apply({ index, entry }: LogEntry): Touched {
    assert(index === this.applied + 1, 'entries are applied in order, each once');
    this.applied = index;
    return this.#apply(entry);
  }

  #apply(entry: Entry): Touched {
    switch (entry.type) {
      case 'term':
        return NOTHING;
      case 'move': {
        const accounts = this.accounts.get(entry.license);
        if (accounts === undefined) return NOTHING;
        // Void or not, it is no longer on its way, and whoever counted on it looks again.
        moveSeats(accounts, entry);
        return new Set([entry.license]);
      }
      case 'returned':
        return this.#returned(entry);
      case 'rlf':
        return this.#enforce(entry);
      case 'mark':
        return this.#advanceMark(entry.time);
      case 'secret':
        if (entry.generation <= this.secretGeneration) return NOTHING;
        this.secret = entry.secret;
        this.secretGeneration = entry.generation;
        return NOTHING;
    }
  }

  #returned({ server, boot, fence }: Extract<Entry, { type: 'returned' }>): Touched {
    const known = this.servers.get(server);
    if (known !== undefined && (known.fence !== fence || known.boot > boot)) return NOTHING;
    this.servers.set(server, {
      state: 'returned',
      boot,
      fence,
      generation: known?.generation ?? 0,
    });
    return NOTHING;
  }

  #enforce({ text }: Extract<Entry, { type: 'rlf' }>): Touched {
    const rlf = readRlf(text);
    if (!supersedes(rlf, this.rlf)) return NOTHING;
    this.rlf = rlf;
    this.table = new LicenseTable(this.rlf);
    this.#openLicenses();
    return null;
  }

  #advanceMark(time: number): Touched {
    if (time <= this.mark) return NOTHING;
    const before = this.mark;
    this.mark = time;
    if (before === 0) {
      this.#openLicenses();
      return null;
    }
    const touched = new Set<string>();
    for (const license of this.table.licenses) {
      if (!license.changesBetween(before, time)) continue;
      this.#setLimit(license.id, license.limitAt(time));
      touched.add(license.id);
    }
    return touched;
  }

  /** Opens accounts for new licenses, and gives every license the limit that is due now. */
  #openLicenses(): void {
    for (const license of this.table.licenses) {
      if (this.accounts.has(license.id)) {
        this.#setLimit(license.id, license.limitAt(this.mark));
        continue;
      }
      const accounts = openAccounts(license.id);
      distribute(accounts, this.#initialDistribution(license));
      this.accounts.set(license.id, accounts);
    }
    for (const [id, accounts] of this.accounts) {
      if (this.table.byId(id) !== null) continue;
      setHardLimit(accounts, 0);
    }
  }

  /** By server id, of the codes whose dates hold; what begins later comes as a raised limit. */
  #initialDistribution(license: TableLicense) {
    const { servers } = this.rlf;
    const active = { ...license, codes: license.activeAt(this.mark) };
    const { rows, freePool } = distributionOf(active, servers);
    const byId = servers.map(
      ({ name, fingerprint }) => [fingerprint, rows.get(name) ?? 0] as const,
    );
    return { rows: new Map(byId), freePool };
  }

  #setLimit(id: string, limit: number): void {
    const accounts = this.accounts.get(id);
    assert(accounts !== undefined, 'every license of the RLF in force has accounts');
    setHardLimit(accounts, limit);
  }

  /** The records that hold this state after `touched` changed. */
  writes(touched: Touched, rlfChanged: boolean): Write[] {
    const writes: Write[] = [put(STATE_KEY, this.#record())];
    if (rlfChanged) writes.push(put(RLF_KEY, this.rlf.text));
    for (const id of touched ?? [...this.accounts.keys()].sort()) {
      const accounts = this.accounts.get(id);
      if (accounts === undefined) continue;
      const key = textKey(Space.account, id);
      if (this.table.byId(id) === null && isEmpty(accounts)) {
        this.accounts.delete(id);
        writes.push(drop(key));
      } else {
        writes.push(put(key, accountsRecord(accounts)));
      }
    }
    return writes;
  }

  #record(): unknown[] {
    const servers = [...this.servers].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      this.applied,
      this.mark,
      this.epoch,
      this.secretGeneration,
      this.secret,
      servers.map(([id, { state, boot, generation, fence }]) => [
        id,
        state,
        boot,
        generation,
        fence,
      ]),
    ];
  }

  #readRecord(record: unknown): void {
    const [applied, mark, , secretGeneration, secret, servers] = record as [
      number,
      number,
      number,
      number,
      Uint8Array | null,
      [string, ServerState['state'], number, number, number | null][],
    ];
    this.applied = applied;
    this.mark = mark;
    this.secretGeneration = secretGeneration;
    this.secret = secret?.slice() ?? null;
    for (const [id, state, boot, generation, fence] of servers) {
      this.servers.set(id, { state, boot, generation, fence });
    }
  }
}
