/**
 * The ledger kept a second time, from what reached the disk: each entry by the rules of DESIGN
 * section 4, written down here apart from the engine, and compared with the accounts on disk.
 */
import { decode } from '../../src/engine/codec.ts';
import { DEFICIT, FREE_POOL } from '../../src/engine/ledger/accounts.ts';
import { decodeEntry, type Entry } from '../../src/engine/ledger/entries.ts';
import { numberOfKey, Space, type Write } from '../../src/engine/records.ts';
import { check } from './failure.ts';
import { activeCodes, type Grants, licensesOf, limitOf } from './licenses.ts';
import { SERVER_ID } from './server.ts';

export interface Account {
  limit: number;
  row: number;
  freePool: number;
  deficit: number;
  /** Seats held without heartbeats. */
  records: number;
}

/** The ledger at one moment: the RLF in force, the mark and the accounts. */
export interface LedgerView {
  readonly grants: Grants;
  readonly mark: number;
  readonly accounts: ReadonlyMap<string, Account>;
}

export class LedgerModel implements LedgerView {
  readonly accounts = new Map<string, Account>();
  grants: Grants;
  mark = 0;
  /** As it was before each entry of the last transaction: an answer may come from between two. */
  before: LedgerView[] = [];
  readonly counts = { draws: 0, payments: 0, given: 0, changesByDate: 0, held: 0 };
  /** Seats of each record, by id. */
  /** By id: how many, and the newest entry that held them. */
  readonly #held = new Map<string, { readonly count: number; index: number }>();
  /** The RLF that founded the pool stands in the place of the first entry. */
  #applied = 1;
  /** Index of the newest return, and the last proposal of that session. */
  #session = 0;
  #proposal = 0;
  readonly #log = new Map<number, { readonly entry: Entry | null; readonly knew: number }>();
  readonly #known: ReadonlyMap<number, Grants>;
  /** Index of the last entry that changed the limit of a license. */
  readonly #limitChanged = new Map<string, number>();

  /** `known`: all RLFs by sequence; the first founded the pool. */
  constructor(known: ReadonlyMap<number, Grants>, founding: Grants) {
    this.#known = known;
    this.grants = founding;
  }

  /** Takes in a transaction that is on disk. */
  written(writes: readonly Write[]): void {
    let applied = this.#applied;
    let mark = this.mark;
    for (const { key, value } of writes) {
      if (value === null) continue;
      if (key[0] === Space.log) this.#logged(numberOfKey(key), value);
      // What else is in the space (the format) has longer keys.
      if (key[0] !== Space.state || key.length > 1) continue;
      [applied, , mark] = decode(value) as [number, number, number];
    }
    check(applied >= this.#applied, 'what is applied stays applied', () => applied);
    this.before = [];
    while (this.#applied < applied) {
      this.before.push(this.#copy());
      this.#apply(++this.#applied);
    }
    check(mark === this.mark, 'the mark is the last one entered', () => [mark, this.mark]);
    this.#compare(writes);
  }

  #copy(): LedgerView {
    const accounts = new Map([...this.accounts].map(([license, of]) => [license, { ...of }]));
    return { grants: this.grants, mark: this.mark, accounts };
  }

  #logged(index: number, value: Uint8Array): void {
    // A term, a kind, and the entry, unless it is one of Raft's own.
    const [, , data] = decode(value) as [number, number, Uint8Array | undefined];
    const entry = data === undefined ? null : decodeEntry(data);
    check(!this.#log.has(index), 'an entry is written once', () => index);
    this.#log.set(index, { entry, knew: this.#applied });
  }

  #apply(index: number): void {
    const logged = this.#log.get(index);
    check(logged !== undefined, 'what is applied is in the log', () => index);
    if (logged === undefined) return;
    const { entry, knew } = logged;
    if (entry === null) return;
    if (entry.type === 'returned') {
      this.#session = index;
      this.#proposal = 0;
    }
    if ('by' in entry) {
      const isNext = entry.by.number === this.#proposal + 1;
      if (entry.by.session !== this.#session || !isNext) return;
      this.#proposal++;
    }
    if (entry.type === 'mark' && entry.time > this.mark) {
      const first = this.mark === 0;
      this.mark = entry.time;
      this.#setLimits(index, first);
    }
    if (entry.type === 'rlf' && entry.sequence > this.grants.sequence) {
      this.grants = this.#known.get(entry.sequence) ?? this.grants;
      this.#setLimits(index, true);
    }
    if (entry.type === 'move') {
      const moved = this.#move(entry);
      const excused = (this.#limitChanged.get(entry.license) ?? 0) > knew;
      check(moved || excused, 'a server moves no seats that are not there', () => entry);
    }
    if (entry.type.startsWith('record')) this.#record(index, entry);
  }

  /** What is held, and what becomes of it; what can't be is void. */
  #record(index: number, entry: Entry): void {
    if (entry.type === 'record') {
      const account = this.accounts.get(entry.license);
      const { id, count } = entry.key;
      if (account === undefined || this.#held.has(id) || account.row < count) return;
      account.row -= count;
      account.records += count;
      this.#held.set(id, { count, index });
      this.counts.held++;
    } else if (entry.type === 'record-renew') {
      const held = this.#held.get(entry.id);
      if (held !== undefined) held.index = index;
    } else if (entry.type === 'record-end') {
      const account = this.accounts.get(entry.license);
      const held = this.#held.get(entry.id);
      if (account === undefined || held === undefined) return;
      if (entry.since !== null && entry.since !== held.index) return;
      const { count } = held;
      account.records -= count;
      account.freePool += count;
      payWithFreePool(account);
      this.#held.delete(entry.id);
    }
  }

  #move({ license, from, to, count }: Extract<Entry, { type: 'move' }>): boolean {
    const account = this.accounts.get(license);
    if (account === undefined || count <= 0) return false;
    if (from === FREE_POOL && to === SERVER_ID && account.freePool >= count) {
      account.freePool -= count;
      account.row += count;
      this.counts.draws++;
      return true;
    }
    if (from !== SERVER_ID || account.row < count) return false;
    if (to === DEFICIT && account.deficit < count) return false;
    account.row -= count;
    if (to === DEFICIT) {
      account.deficit -= count;
      this.counts.payments++;
    } else {
      // An RLF wants fewer of them there.
      account.freePool += count;
      payWithFreePool(account);
      this.counts.given++;
    }
    return true;
  }

  #setLimits(index: number, mayOpen: boolean): void {
    const named = licensesOf(this.grants);
    for (const license of new Set([...named, ...this.accounts.keys()])) {
      const limit = limitOf(this.grants, license, this.mark);
      const account = this.accounts.get(license);
      if (account !== undefined) {
        if (account.limit !== limit) this.#limitChanged.set(license, index);
        if (account.limit !== limit && !mayOpen) this.counts.changesByDate++;
        setLimit(account, limit);
      } else if (mayOpen) {
        this.#limitChanged.set(license, index);
        const row = activeCodes(this.grants, license, this.mark).reduce((sum, code) => {
          return sum + (code.given ?? code.limit);
        }, 0);
        this.accounts.set(license, { limit, row, freePool: limit - row, deficit: 0, records: 0 });
      }
    }
  }

  /** The accounts of this transaction are those of the model, and what is dropped was empty. */
  #compare(writes: readonly Write[]): void {
    // Several entries applied in one transaction write a record each; the last one stands.
    const records = new Map<string, Uint8Array | null>();
    for (const { key, value } of writes) {
      if (key[0] !== Space.account) continue;
      records.set(Buffer.from(key.subarray(1)).toString('utf8'), value);
    }
    for (const [license, value] of records) {
      const account = this.accounts.get(license);
      if (value === null) {
        const sum = account === undefined ? 0 : Object.values(account).reduce((a, b) => a + b);
        check(sum === 0, 'only what is empty is dropped', () => [license, account]);
        this.accounts.delete(license);
        continue;
      }
      const [limit, freePool, records, deficit, rows] = decode(value) as [
        ...[number, number, number, number],
        [string, number][],
      ];
      const found = { limit, row: rows[0]?.[1] ?? 0, freePool, deficit, records };
      const same = JSON.stringify(found) === JSON.stringify(account);
      check(same, 'the accounts are what the entries make them', () => [license, found, account]);
    }
  }
}

function payWithFreePool(account: Account): void {
  const paid = Math.min(account.freePool, account.deficit);
  account.freePool -= paid;
  account.deficit -= paid;
}

function setLimit(account: Account, limit: number): void {
  const more = limit - account.limit;
  account.limit = limit;
  if (more > 0) {
    const paid = Math.min(more, account.deficit);
    account.deficit -= paid;
    account.freePool += more - paid;
  } else {
    const taken = Math.min(-more, account.freePool);
    account.freePool -= taken;
    account.deficit += -more - taken;
  }
}
