/** Says ahead of time that a license ends, or loses seats: 30, 7 and 1 days before. */
import type { Outbox } from './effects.ts';
import { isoTime } from './license/license-document.ts';
import type { LicenseTable, TableLicense } from './license/license-table.ts';

const DAY_MS = 86_400_000;
const WARN_DAYS = [1, 7, 30] as const;

export interface Expiring {
  /** Wall time, milliseconds since 1970. */
  readonly at: number;
  /** Begun days from the mark until then. */
  readonly days: number;
  /** Seats that are left from then on. */
  readonly left: number;
  /** The one of 1, 7 and 30 days that it is within. */
  readonly within: number;
}

/** When seats of a license end next, if that is within 30 days of the mark. */
export function expiringAt(license: TableLicense, mark: number): Expiring | null {
  const at = license.nextLoss(mark);
  if (at === null) return null;
  const within = WARN_DAYS.find((days) => at - mark <= days * DAY_MS);
  if (within === undefined) return null;
  return { at, days: Math.ceil((at - mark) / DAY_MS), left: license.limitAt(at), within };
}

export class ExpiryWarnings {
  /** What was said of a license last, by id. */
  readonly #said = new Map<string, string>();

  /** Each warning once, and once more after a start. */
  check(table: LicenseTable, mark: number, outbox: Outbox): void {
    for (const license of table.licenses) {
      const expiring = expiringAt(license, mark);
      if (expiring === null) continue;
      const { at, days, left, within } = expiring;
      const words = `${at} ${within}`;
      if (this.#said.get(license.id) === words) continue;
      this.#said.set(license.id, words);
      const { vendor, application, version } = license;
      const fields = { vendor, application, version, at: isoTime(at), days, left };
      outbox.note('warn', 'seats of a license end soon', fields);
    }
  }
}
