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
}

export function heldRecord({ license, key, server }: HeldSeat): unknown[] {
  const { id, count, lifetimeMs, since, holder } = key;
  return [license, server, [id, count, lifetimeMs, since, holder]];
}

export function readHeld(record: unknown): HeldSeat {
  const [license, server, fields] = record as [
    ...[string, string],
    [string, number, number, number, ClaimedKey['holder']],
  ];
  const [id, count, lifetimeMs, since, holder] = fields;
  return { license, server, key: { id, count, lifetimeMs, since, holder } };
}
