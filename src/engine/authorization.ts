/** A live key, of this server's table or of a record, as a proof describes it. */
import type { Holds } from './holds.ts';
import type { KeyTable } from './key-table.ts';
import type { Commuted } from './ledger/held-seats.ts';
import type { Rows } from './rows.ts';
import type { Time } from './time.ts';

/** What a live key stands for; `expiresAt` in wall time, milliseconds since 1970. */
export interface Authorization {
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly expiresAt: number;
  /** A record of the ledger: at no server, and kept without heartbeats. */
  readonly isHeld: boolean;
  /** Where it left the network: until when it is used, by whom and where. */
  readonly commute: (Commuted & { readonly user: string; readonly host: string }) | null;
}

/** Null where no key of this id lives. */
export function authorizationOf(
  { keys, holds, rows }: { readonly keys: KeyTable; readonly holds: Holds; readonly rows: Rows },
  id: string,
  { boot, wall }: Time,
): Authorization | null {
  const key = keys.get(id);
  if (key !== undefined) {
    const { license, count } = key.terms;
    const expiresAt = wall + key.deadline - boot;
    return { ...namedIn(rows, license), count, expiresAt, isHeld: false, commute: null };
  }
  const held = holds.get(id);
  if (held === undefined) return null;
  const { count, holder } = held.key;
  const [user, host] = holder;
  const commute = held.commute === null ? null : { ...held.commute, user, host };
  const expiresAt = commute?.end ?? wall + holds.endOf(id) - boot;
  return { ...namedIn(rows, held.license), count, expiresAt, isHeld: true, commute };
}

function namedIn(rows: Rows, license: string) {
  const { vendor, application, version } = rows.of(license).named;
  return { vendor, application, version };
}
