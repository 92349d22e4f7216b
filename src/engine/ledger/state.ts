/**
 * What the ledger's entries add up to. It is kept on disk as it is after the last applied entry,
 * in the transaction that applies it, so that a start reads it and replays nothing.
 */
import { assert } from '../errors.ts';
import { distributionById, isSpreadAlike, serversAs } from '../license/distribution.ts';
import { LicenseTable, type TableLicense } from '../license/license-table.ts';
import { readRlf } from '../license/rlf.ts';
import type { Rlf } from '../license/types.ts';
import { MOVED_KEPT_MS } from '../limits.ts';
import { type Configuration, foundingConfiguration, type ServerId } from '../raft/types.ts';
import type { RecordSource, Write } from '../records.ts';
import type { Accounts } from './accounts.ts';
import {
  distribute,
  FREE_POOL,
  isEmpty,
  keepLongest,
  moveSeats,
  openAccounts,
  RECORDS,
  setHardLimit,
} from './accounts.ts';
import { reconfigured, settleRows } from './departures.ts';
import type { Author, ClaimedKey, Entry, LogEntry, Proposal } from './entries.ts';
import { awaitedNoMore, beginEpoch } from './epochs.ts';
import { FORMAT_MAX, Format } from './format.ts';
import { HeldSeats } from './held-seats.ts';
import { lifetimeAt } from './lifetime.ts';
import { Members, takesPart } from './members.ts';
import { MovedKeys } from './moved-keys.ts';
import { successor } from './offer.ts';
import { applyRecord, endCommutes, evict } from './recording.ts';
import { Secrets } from './secrets.ts';
import { Servers } from './servers.ts';
import { readStateRecord, StateWrites, stateRecord } from './state-records.ts';

/** What applying an entry touched: licenses by id, or null for all of them. */
export type Touched = ReadonlySet<string> | null;

export interface Applied extends LogEntry {
  /** A void entry changes nothing. */
  readonly valid: boolean;
  readonly touched: Touched;
}

const NOTHING: Touched = new Set();

export class LedgerState {
  /** Index and term of the last applied entry, and the configuration in force there. */
  applied = 1;
  term = 1;
  configuration: Configuration;
  /** Wall time by which license dates are judged; 0 before the first mark. Never falls. */
  mark = 0;
  /** How often the pool was founded anew. */
  epoch = 1;
  /** Servers of before the epoch whose keys may live still: nobody issues anything meanwhile. */
  awaited: readonly ServerId[] = [];
  readonly format: Format;
  readonly secrets = new Secrets();
  rlf: Rlf;
  /** FIG. 4: the RLF's licenses in memory, never modified while that RLF is in force. */
  table: LicenseTable;
  readonly servers = new Servers();
  /** Whom the RLF in force names, and who is on its way out. */
  readonly members = new Members();
  readonly accounts = new Map<string, Accounts>();
  readonly moved = new MovedKeys();
  readonly #writes = new StateWrites(this);
  /** Seats in records, by id. */
  readonly held = new HeldSeats(this.#writes);
  /** Ids of keys that were ended for good, with the mark at which they are forgotten. */
  readonly evicted = new Map<string, number>();

  private constructor(rlf: Rlf, formatMax: number) {
    this.rlf = rlf;
    this.format = new Format(formatMax);
    this.table = new LicenseTable(rlf);
    this.configuration = foundingConfiguration(rlf.servers.map(({ fingerprint }) => fingerprint));
    this.members.restore(rlf, []);
  }

  /** A pool before its first entry; its licenses open at the first mark, by their dates. */
  static found(rlf: Rlf, formatMax = FORMAT_MAX): LedgerState {
    const state = new LedgerState(rlf, formatMax);
    state.#writes.all();
    return state;
  }

  /** Of a server that has yet to be taken in: it knows of the pool what its RLF says, no more. */
  static outside(rlf: Rlf, formatMax = FORMAT_MAX): LedgerState {
    const state = new LedgerState(rlf, formatMax);
    const configuration = { voters: [], learners: [] };
    return Object.assign(state, { applied: 0, term: 0, configuration });
  }

  /** As the records say, or null where there are none. */
  static recover(source: RecordSource, formatMax = FORMAT_MAX): LedgerState | null {
    const record = readStateRecord(source, new Format(formatMax));
    if (record === null) return null;
    const state = new LedgerState(readRlf(record.rlf), formatMax);
    record.into(state);
    return state;
  }

  /** All of it, as bytes: a snapshot for a server that lags far behind. */
  snapshot(): Uint8Array {
    return stateRecord(this);
  }

  /** Becomes what a snapshot of another server says. */
  restore(snapshot: Uint8Array): void {
    const record = readStateRecord(snapshot, this.format);
    assert(record !== null, 'a snapshot holds a state');
    this.rlf = readRlf(record.rlf);
    this.table = new LicenseTable(this.rlf);
    this.#writes.forget();
    record.into(this);
    this.#writes.all();
  }

  /** The records of what changed since the last call. */
  takeWrites(): Write[] {
    return this.#writes.take();
  }

  /** Applies the entry after the last applied one. */
  apply({ index, term, entry }: LogEntry, configuration: Configuration | null): Applied {
    assert(index === this.applied + 1, 'entries are applied in order, each once');
    this.applied = index;
    this.term = term;
    const touched =
      entry === null ? this.#configure(index, configuration) : this.#apply(index, entry);
    const valid = touched !== 'void';
    this.#writes.touched(valid ? touched : NOTHING);
    if (valid) this.#dropEmpty(touched);
    return { index, term, entry, valid, touched: valid ? touched : touchedByVoid(entry) };
  }

  /** A license that no RLF names any more goes with its last seat. */
  #dropEmpty(touched: Touched): void {
    for (const id of touched ?? [...this.accounts.keys()]) {
      const accounts = this.accounts.get(id);
      if (accounts === undefined || this.table.byId(id) !== null || !isEmpty(accounts)) continue;
      this.accounts.delete(id);
    }
  }

  #apply(index: number, entry: Entry): Touched | 'void' {
    switch (entry.type) {
      case 'move':
      case 'end':
      case 'record':
      case 'record-renew':
      case 'record-take':
      case 'record-end':
        return this.servers.takes(entry.by) ? this.#proposed(index, entry, entry.by) : 'void';
      case 'fenced':
        return this.servers.fenced(entry.server, index) ? NOTHING : 'void';
      case 'opened':
        return this.#opened(index, entry);
      case 'returned':
        // Who does not vote has no place to come back to.
        if (!this.configuration.voters.includes(entry.server)) return 'void';
        if (this.awaited.length > 0) return 'void';
        return this.servers.returned(entry, index) ? NOTHING : 'void';
      case 'rlf':
        return this.#enforce(entry);
      case 'epoch':
        return beginEpoch(this, entry, index) ? this.#enforce(entry) : 'void';
      case 'evict':
        return evict(this, entry);
      case 'mark':
        return this.#advanceMark(entry.time);
      case 'secret':
        return this.secrets.rotate(entry.generation, entry.secret, this.mark) ? NOTHING : 'void';
      case 'format':
        return this.format.raise(entry.format) ? NOTHING : 'void';
    }
  }

  #proposed(index: number, proposal: Proposal, by: Author): Touched | 'void' {
    const accounts = this.accounts.get(proposal.license);
    if (accounts === undefined) return 'void';
    switch (proposal.type) {
      case 'move': {
        const { claim, from, to } = proposal;
        if (claim === null) {
          // Out of a row its owner gives, who no longer issues it, or anyone once it is opened.
          const isOwn = from === by.server || from === FREE_POOL;
          const mayGive = isOwn || this.isOpened(from, accounts);
          if (!mayGive) return 'void';
          if (!moveSeats(accounts, proposal)) return 'void';
          break;
        }
        const leaving = { ...claim, server: from };
        if (to !== by.server || !this.#mayLeave(accounts, leaving)) return 'void';
        if (!moveSeats(accounts, { from, to, count: claim.key.count })) return 'void';
        this.#leave(index, proposal.license, leaving, to);
        break;
      }
      case 'end': {
        if (!this.#mayLeave(accounts, proposal)) return 'void';
        this.#leave(index, proposal.license, proposal, proposal.released ? null : by.server);
        break;
      }
      case 'record':
      case 'record-renew':
      case 'record-take':
      case 'record-end':
        if (!applyRecord(this, accounts, { index, proposal, by })) return 'void';
        if (proposal.type === 'record-take') {
          // Whoever took it over is found by it, and has the key even if it missed the entry.
          const leaving = { key: proposal.key, server: RECORDS };
          this.#leave(index, proposal.license, leaving, by.server);
        }
        break;
    }
    return new Set([proposal.license]);
  }

  /** A server has a key with that L now, whatever the license says today. */
  #keepKey(accounts: Accounts, server: string, { lifetimeMs }: { lifetimeMs: number }): void {
    const usual = lifetimeAt(this.table.byId(accounts.license), this.mark);
    if (lifetimeMs > usual) keepLongest(accounts, server, lifetimeMs);
  }

  /** Whose rows are theirs: who takes part, and who did before the epoch and is awaited. */
  get holders(): Configuration {
    const { configuration, awaited } = this;
    const lost = awaited.filter((server) => !takesPart(server, configuration));
    return lost.length === 0
      ? configuration
      : { ...configuration, voters: [...configuration.voters, ...lost].sort() };
  }

  /** No key of this row can live: its server is fenced and opened, or not in the pool. */
  isOpened(server: string, accounts: Accounts): boolean {
    return !this.holders.voters.includes(server) || this.servers.isOpened(server, accounts);
  }

  /** Others take part: what is left of those that went passes on. */
  #configure(index: number, configuration: Configuration | null): Touched {
    return configuration !== null && reconfigured(this, configuration, index) ? null : NOTHING;
  }

  /** A key leaves a server only after its fence, before its row is opened, and once. */
  #mayLeave(accounts: Accounts, { key, server, fence }: Leaving): boolean {
    const known = this.servers.get(server);
    if (known === undefined || known.fence !== fence || known.session !== null) return false;
    if ((accounts.opened.get(server) ?? 0) > fence) return false;
    return this.moved.get(server, key.id) === undefined && !this.evicted.has(key.id);
  }

  #leave(
    index: number,
    license: string,
    { key, server: from }: Pick<Leaving, 'key' | 'server'>,
    to: string | null,
  ): void {
    const until = this.mark + MOVED_KEPT_MS;
    for (const moved of this.moved.left({ index, from, to, license, key, until })) {
      this.#writes.moved(moved);
    }
    // Once it came back to a server it may leave it again.
    if (to === null) return;
    const accounts = this.accounts.get(license);
    if (accounts !== undefined) this.#keepKey(accounts, to, key);
    const before = this.moved.get(to, key.id);
    if (before === undefined) return;
    this.moved.delete(before);
    this.#writes.forgotten(before);
  }

  #opened(
    index: number,
    { server, fence, licenses }: Extract<Entry, { type: 'opened' }>,
  ): Touched | 'void' {
    const known = this.servers.get(server);
    if (known === undefined || known.fence !== fence || known.session !== null) return 'void';
    const opened: Touched = new Set(licenses.filter((license) => this.accounts.has(license)));
    for (const license of opened) {
      const accounts = this.accounts.get(license);
      accounts?.opened.set(server, index);
      accounts?.longest.delete(server);
    }
    // What it took over from the records has ended there, or was claimed by another server.
    this.#forgetMoved(({ from, to, license }) => {
      return opened.has(license) && (from === server || (from === RECORDS && to === server));
    });
    return awaitedNoMore(this, server) ? null : opened;
  }

  #forgetMoved(isOver: Parameters<MovedKeys['forget']>[0]): void {
    for (const moved of this.moved.forget(isOver)) this.#writes.forgotten(moved);
  }

  #enforce({ text }: Extract<Entry, { type: 'rlf' | 'epoch' }>): Touched | 'void' {
    const rlf = successor(text, this);
    if (rlf === null) return 'void';
    const before = { table: this.table, servers: serversAs(rlf.servers, this.rlf.servers) };
    this.rlf = rlf;
    this.table = new LicenseTable(this.rlf);
    this.members.follow(rlf, this.holders);
    settleRows(this);
    for (const id of this.accounts.keys()) {
      this.#keepLifetime(id, lifetimeAt(before.table.byId(id), this.mark), this.mark);
    }
    const opened = this.#openLicenses();
    for (const license of this.table.licenses) {
      if (opened.has(license.id)) continue;
      const old = before.table.byId(license.id);
      const isSame = old !== null && isSpreadAlike([old, before.servers], [license, rlf.servers]);
      if (!isSame) this.#aim(license);
    }
    return null;
  }

  #advanceMark(time: number): Touched | 'void' {
    if (time <= this.mark) return 'void';
    const before = this.mark;
    this.mark = time;
    this.secrets.forget(time);
    this.#forgetMoved(({ until }) => until <= time);
    for (const [id, until] of this.evicted) if (until <= time) this.evicted.delete(id);
    if (before === 0) {
      this.#openLicenses();
      return null;
    }
    const touched = new Set<string>(endCommutes(this));
    for (const license of this.table.licenses) {
      if (!license.changesBetween(before, time)) continue;
      this.#keepLifetime(license.id, lifetimeAt(license, before), time);
      this.#setLimit(license.id, license.limitAt(time));
      if (this.accounts.get(license.id)?.redistribution.isUnderWay) this.#aim(license);
      touched.add(license.id);
    }
    return touched;
  }

  /** Keys keep their L: a shorter one opens no row sooner, nor one that only the lost know of. */
  #keepLifetime(id: string, beforeMs: number, mark: number): void {
    const accounts = this.accounts.get(id);
    if (accounts === undefined || beforeMs <= lifetimeAt(this.table.byId(id), mark)) return;
    const servers = [...accounts.rows.keys(), ...this.awaited];
    for (const server of servers) keepLongest(accounts, server, beforeMs);
  }

  /** Opens accounts for new licenses, which are returned, and gives all the limit of now. */
  #openLicenses(): ReadonlySet<string> {
    const opened = new Set<string>();
    for (const license of this.table.licenses) {
      if (this.accounts.has(license.id)) {
        this.#setLimit(license.id, license.limitAt(this.mark));
        continue;
      }
      const accounts = openAccounts(license.id);
      distribute(accounts, this.#initialDistribution(license));
      this.accounts.set(license.id, accounts);
      opened.add(license.id);
    }
    for (const [id, accounts] of this.accounts) {
      if (this.table.byId(id) !== null) continue;
      setHardLimit(accounts, 0);
      accounts.redistribution.stop();
    }
    return opened;
  }

  /** Its seats are to go where the RLF in force wants them, as they are free. */
  #aim(license: TableLicense): void {
    const accounts = this.accounts.get(license.id);
    accounts?.redistribution.aim(this.#initialDistribution(license).rows, accounts);
  }

  /** By server id, of the codes whose dates hold; what begins later comes as a raised limit. */
  #initialDistribution(license: TableLicense) {
    return distributionById({ codes: license.activeAt(this.mark) }, this.rlf.servers);
  }

  #setLimit(id: string, limit: number): void {
    const accounts = this.accounts.get(id);
    assert(accounts !== undefined, 'every license of the RLF in force has accounts');
    setHardLimit(accounts, limit);
  }
}

interface Leaving {
  readonly key: ClaimedKey;
  readonly server: string;
  readonly fence: number;
}

/** Whoever counted on a void entry looks again. */
function touchedByVoid(entry: Entry | null): Touched {
  return entry !== null && 'license' in entry ? new Set([entry.license]) : NOTHING;
}
