/**
 * How many seats of a license may leave the network, and for how long (DESIGN section 10): each
 * code says so for its own seats, and lets none of them be away when it ends.
 */
import { COMMUTER_DAY_MS } from '../limits.ts';
import type { TableLicense } from './license-table.ts';
import type { LicenseCode } from './types.ts';

interface When {
  readonly days: number;
  /** The ledger's, by which the dates of codes are judged. */
  readonly mark: number;
}

/** Fractions such as 0.29 are not exact: 100 seats of that are 29. */
const ROUNDING = 1e-6;

/** The longest commute that a code of now allows, in days; 0 where none does. */
export function commuterDaysMax(license: TableLicense, mark: number): number {
  return Math.max(0, ...license.activeAt(mark).map(({ code }) => code.commuterDays));
}

/** Seats that may be away at once, of those for whom a commute ends then that begins now. */
export function commuterSeatsMax(license: TableLicense, when: When): number {
  const end = commuteEnd(license, when);
  const lasting = codesFor(license, when).filter(({ expires }) => {
    return expires === null || expires >= end;
  });
  const seats = lasting.reduce((sum, { limit, commuterShare }) => sum + limit * commuterShare, 0);
  return Math.floor(seats + ROUNDING);
}

/**
 * When a commute ends that begins now, cut to the license's own end: whole seconds. It counts from
 * the mark: a single server's clock may be wrong.
 */
export function commuteEnd(license: TableLicense, when: When): number {
  const ends = codesFor(license, when).map(({ expires }) => expires ?? Number.POSITIVE_INFINITY);
  const end = when.mark + when.days * COMMUTER_DAY_MS;
  return 1_000 * Math.floor(Math.min(end, Math.max(0, ...ends)) / 1_000);
}

function codesFor(license: TableLicense, { days, mark }: When): LicenseCode[] {
  const codes = license.activeAt(mark).map(({ code }) => code);
  return codes.filter(({ commuterDays }) => commuterDays > 0 && commuterDays >= days);
}
