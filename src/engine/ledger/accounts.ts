/**
 * The accounts of one license, double entry: a row per server, the free pool, the records (held and
 * commuted seats) and the deficit.
 *
 * Invariant: sum of rows + free pool + records = hard limit + deficit, and none is negative.
 */
import { assert } from '../errors.ts';
import { Redistribution } from './redistribution.ts';

/** A server's id names its row; these name the rest. */
export const FREE_POOL = 'free-pool';
export const RECORDS = 'records';
export const DEFICIT = 'deficit';

export interface Accounts {
  readonly license: string;
  hardLimit: number;
  /** Allocations by server id: what that server may issue. */
  readonly rows: Map<string, number>;
  freePool: number;
  records: number;
  /** Seats out there beyond a hard limit that was lowered. */
  deficit: number;
  /** By server id: index of the newest entry that opened its row. */
  readonly opened: Map<string, number>;
  /**
   * By server id, in milliseconds: the longest L of keys that it may have issued since its row was
   * opened last, where that is longer than the license's L of now.
   */
  readonly longest: Map<string, number>;
  /** What a newer RLF wants moved. */
  readonly redistribution: Redistribution;
}

export function openAccounts(license: string): Accounts {
  const numbers = { hardLimit: 0, freePool: 0, records: 0, deficit: 0 };
  const maps = { rows: new Map(), opened: new Map(), longest: new Map() };
  return { license, ...numbers, ...maps, redistribution: new Redistribution() };
}

/** Puts a new license's seats where its initial distribution says (FIG. 4). */
export function distribute(
  accounts: Accounts,
  initial: { readonly rows: ReadonlyMap<string, number>; readonly freePool: number },
): void {
  assert(accounts.hardLimit === 0 && accounts.deficit === 0, 'only a new license is distributed');
  accounts.freePool = initial.freePool;
  accounts.hardLimit = initial.freePool;
  for (const [server, count] of initial.rows) {
    accounts.rows.set(server, count);
    accounts.hardLimit += count;
  }
  checkBalance(accounts);
}

/**
 * A new hard limit. More seats pay the deficit first, then go to the free pool; fewer are taken
 * from the free pool, and what it does not hold becomes deficit.
 */
export function setHardLimit(accounts: Accounts, hardLimit: number): void {
  const more = hardLimit - accounts.hardLimit;
  accounts.hardLimit = hardLimit;
  if (more >= 0) {
    const paid = Math.min(more, accounts.deficit);
    accounts.deficit -= paid;
    accounts.freePool += more - paid;
  } else {
    const taken = Math.min(-more, accounts.freePool);
    accounts.freePool -= taken;
    accounts.deficit += -more - taken;
  }
  accounts.redistribution.settle(accounts);
  checkBalance(accounts);
}

/** Moves seats between accounts; false, and nothing moved, where one would become negative. */
export function moveSeats(
  accounts: Accounts,
  { from, to, count }: { readonly from: string; readonly to: string; readonly count: number },
): boolean {
  if (count <= 0 || from === to || from === DEFICIT) return false;
  if (balance(accounts, from) < count) return false;
  // Paying the deficit takes the seat out of circulation: both sides of the equation shrink.
  if (to === DEFICIT && accounts.deficit < count) return false;
  add(accounts, from, -count);
  add(accounts, to, to === DEFICIT ? -count : count);
  // What was on its way to the free pool when the limit was lowered pays for that first.
  const paid = Math.min(accounts.freePool, accounts.deficit);
  accounts.freePool -= paid;
  accounts.deficit -= paid;
  accounts.redistribution.moved({ from, to, count }, accounts);
  checkBalance(accounts);
  return true;
}

/** The longest L that keys of `server` can have now, in milliseconds. */
export function longestMs({ longest }: Accounts, server: string, lifetimeMs: number): number {
  return Math.max(lifetimeMs, longest.get(server) ?? 0);
}

/** A server may have issued keys with this L: its row is not opened sooner. */
export function keepLongest({ longest }: Accounts, server: string, lifetimeMs: number): void {
  longest.set(server, Math.max(lifetimeMs, longest.get(server) ?? 0));
}

/** Seats of one account. */
export function balance(accounts: Accounts, account: string): number {
  switch (account) {
    case FREE_POOL:
      return accounts.freePool;
    case RECORDS:
      return accounts.records;
    case DEFICIT:
      return accounts.deficit;
    default:
      return accounts.rows.get(account) ?? 0;
  }
}

/** Nothing left to keep: no limit, no seat anywhere. */
export function isEmpty(accounts: Accounts): boolean {
  const { hardLimit, deficit, freePool, records, rows } = accounts;
  if (hardLimit + deficit + freePool + records > 0) return false;
  for (const count of rows.values()) if (count > 0) return false;
  return true;
}

function add(accounts: Accounts, account: string, count: number): void {
  switch (account) {
    case FREE_POOL:
      accounts.freePool += count;
      return;
    case RECORDS:
      accounts.records += count;
      return;
    case DEFICIT:
      accounts.deficit += count;
      return;
    default:
      accounts.rows.set(account, balance(accounts, account) + count);
  }
}

function checkBalance(accounts: Accounts): void {
  const { license, hardLimit, deficit, freePool, records, rows } = accounts;
  let sum = freePool + records;
  let negative = hardLimit < 0 || deficit < 0 || freePool < 0 || records < 0;
  for (const count of rows.values()) {
    sum += count;
    negative ||= count < 0;
  }
  assert(!negative, `no account of ${license} is negative`);
  assert(sum === hardLimit + deficit, `the accounts of ${license} balance`);
}

/** The form on disk, servers in sorted order. */
export function accountsRecord(accounts: Accounts): unknown[] {
  const { hardLimit, freePool, records, deficit, rows, opened, longest } = accounts;
  return [
    ...[hardLimit, freePool, records, deficit],
    ...[rows, opened, longest].map((numbers) => [...numbers].sort(byServer)),
    accounts.redistribution.record(),
  ];
}

export function readAccounts(license: string, record: unknown): Accounts {
  const [hardLimit, freePool, records, deficit, rows, opened, longest, moving] = record as [
    ...[number, number, number, number],
    ...[[string, number][], [string, number][], [string, number][], unknown],
  ];
  const redistribution = new Redistribution();
  redistribution.restore(moving);
  const accounts = {
    ...{ license, hardLimit, freePool, records, deficit },
    rows: new Map(rows),
    opened: new Map(opened),
    longest: new Map(longest),
    redistribution,
  };
  checkBalance(accounts);
  return accounts;
}

/** `known` becomes what `read` says, and stays the object that others refer to. */
export function assignAccounts(known: Accounts, read: Accounts): void {
  const { hardLimit, freePool, records, deficit } = read;
  Object.assign(known, { hardLimit, freePool, records, deficit });
  known.redistribution.restore(read.redistribution.record());
  for (const name of ['rows', 'opened', 'longest'] as const) {
    known[name].clear();
    for (const [server, number] of read[name]) known[name].set(server, number);
  }
}

function byServer([a]: [string, number], [b]: [string, number]): number {
  return a < b ? -1 : 1;
}
