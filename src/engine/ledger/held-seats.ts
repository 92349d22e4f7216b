/**
 * Seats that are held without heartbeats (`--hold`): records in the ledger, at no server (DESIGN
 * section 8). Who holds them keeps them whatever becomes of the server that was asked.
 */
import type { ClaimedKey } from './entries.ts';

export interface HeldSeat {
  readonly license: string;
  /** Its lifetime is how long it is held from the last entry about it. */
  readonly key: ClaimedKey;
  /** Who entered it, for people. */
  readonly server: string;
  /** Of the newest entry that held them: their time counts from there. */
  readonly index: number;
}

/** One that was renewed since its end was seen to come goes on. */
export function endsBy({ index }: HeldSeat, { since }: { readonly since: number | null }): boolean {
  return since === null || since === index;
}

export function heldRecord({ license, key, server, index }: HeldSeat): unknown[] {
  const { id, count, lifetimeMs, since, holder } = key;
  return [license, server, index, [id, count, lifetimeMs, since, holder]];
}

export function readHeld(record: unknown): HeldSeat {
  const [license, server, index, fields] = record as [
    ...[string, string, number],
    [string, number, number, number, ClaimedKey['holder']],
  ];
  const [id, count, lifetimeMs, since, holder] = fields;
  return { license, server, index, key: { id, count, lifetimeMs, since, holder } };
}
