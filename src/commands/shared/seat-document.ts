/**
 * The JSON of a seat (CLI.md "JSON"): `lm request --json`, and what `exec` and `session` report.
 */
import type { OfflineSeat } from '../../net/client/commuter/offline-seat.ts';
import type { Seat } from '../../net/client/seat.ts';

export interface SeatDocument {
  readonly id: string;
  readonly application: string;
  readonly version: string;
  readonly vendor: string;
  readonly count: number;
  readonly server: string;
  readonly expiresAt: string;
  readonly lifetimeMs: number;
  readonly verified: boolean;
}

export function seatDocument(seat: Seat | OfflineSeat): SeatDocument {
  const { id, application, version, vendor, count, server, lifetimeMs, verified } = seat;
  const expiresAt = seat.expiresAt.toISOString();
  return { id, application, version, vendor, count, server, expiresAt, lifetimeMs, verified };
}
