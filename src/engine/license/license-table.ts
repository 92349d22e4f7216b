/**
 * The license table (FIG. 4): the licenses of the RLF in force. Codes for one application and
 * version of one vendor add up to one license. Never modified; a new RLF makes a new table.
 */
import { type License, licenseKey, licensesOf } from './distribution.ts';
import type { LicenseCode, OnExpiry, Rlf, RlfLicense } from './types.ts';

/** A license in the table: what its codes say together, by date. */
export class TableLicense implements License {
  /** Stable over RLFs, and the license's name in the ledger. */
  readonly id: string;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly codes: readonly RlfLicense[];
  readonly hardLimit: number;

  constructor(license: License) {
    this.id = licenseKey(license);
    this.vendor = license.vendor;
    this.application = license.application;
    this.version = license.version;
    this.codes = license.codes;
    this.hardLimit = license.hardLimit;
  }

  activeAt(mark: number): RlfLicense[] {
    return this.codes.filter(({ code }) => begun(code, mark) && !over(code, mark));
  }

  /** The hard limit now: the sum of the codes whose dates hold. */
  limitAt(mark: number): number {
    return this.activeAt(mark).reduce((sum, { code }) => sum + code.limit, 0);
  }

  /** L for a key granted now: the shortest of the codes that make up the limit, or Infinity. */
  keyLifetimeMsAt(mark: number): number {
    return Math.min(...this.activeAt(mark).map(({ code }) => code.keyLifetimeMs));
  }

  /** May be used, not yet (or not in the gap between two codes), or never again. */
  phaseAt(mark: number): 'coming' | 'active' | 'over' {
    if (this.activeAt(mark).length > 0) return 'active';
    return this.codes.every(({ code }) => over(code, mark)) ? 'over' : 'coming';
  }

  /** When the last code expires; null where one never does. */
  get expires(): number | null {
    const ends = this.codes.map(({ code }) => code.expires ?? Number.POSITIVE_INFINITY);
    const last = Math.max(...ends);
    return Number.isFinite(last) ? last : null;
  }

  /** When the first code begins; null where one always did. */
  get notBefore(): number | null {
    const starts = this.codes.map(({ code }) => code.notBefore ?? Number.NEGATIVE_INFINITY);
    const first = Math.min(...starts);
    return Number.isFinite(first) ? first : null;
  }

  /** The next time after `mark` at which it has fewer seats than just before, or null. */
  nextLoss(mark: number): number | null {
    const ends = this.codes.map(({ code }) => code.expires).filter((end) => end !== null);
    const ahead = ends.filter((end) => end > mark).sort((a, b) => a - b);
    return ahead.find((end) => this.limitAt(end) < this.limitAt(end - 1)) ?? null;
  }

  /** Whether its seats run on once it is over: where all codes that end last say so. */
  get onExpiry(): OnExpiry {
    const last = this.codes.filter(({ code }) => code.expires === this.expires);
    return last.every(({ code }) => code.onExpiry === 'finish') ? 'finish' : 'stop';
  }

  /** A code begins or ends after `before` and not after `after`. */
  changesBetween(before: number, after: number): boolean {
    const next = this.nextChange(before);
    return next !== null && next <= after;
  }

  /** The next time at which a code begins or ends, or null. */
  nextChange(mark: number): number | null {
    let next: number | null = null;
    for (const { code } of this.codes) {
      for (const date of [code.notBefore, code.expires]) {
        if (date !== null && date > mark && (next === null || date < next)) next = date;
      }
    }
    return next;
  }
}

function begun(code: LicenseCode, mark: number): boolean {
  return code.notBefore === null || code.notBefore <= mark;
}

function over(code: LicenseCode, mark: number): boolean {
  return code.expires !== null && code.expires <= mark;
}

export class LicenseTable {
  /** By vendor, application, version. */
  readonly licenses: readonly TableLicense[];
  readonly #byId = new Map<string, TableLicense>();
  /** By application; each list by vendor, then lowest version first. */
  readonly #byApplication = new Map<string, TableLicense[]>();
  /** When a code begins or ends, in order: looked at whenever the leader does anything. */
  readonly #changes: readonly number[];

  constructor(rlf: Rlf) {
    this.licenses = licensesOf(rlf).map((license) => new TableLicense(license));
    for (const license of this.licenses) {
      this.#byId.set(license.id, license);
      const same = this.#byApplication.get(license.application);
      if (same === undefined) this.#byApplication.set(license.application, [license]);
      else same.push(license);
    }
    const dates = rlf.licenses.flatMap(({ code }) => [code.notBefore, code.expires]);
    this.#changes = dates.filter((date) => date !== null).sort((a, b) => a - b);
  }

  byId(id: string): TableLicense | null {
    return this.#byId.get(id) ?? null;
  }

  /** All licenses for an application, of any vendor and version. */
  byApplication(application: string): readonly TableLicense[] {
    return this.#byApplication.get(application) ?? NONE;
  }

  /** The next time after `mark` at which a license's limit changes by its dates, or null. */
  nextChange(mark: number): number | null {
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle] ?? 0) > mark) high = middle;
      else low = middle + 1;
    }
    return this.#changes[low] ?? null;
  }
}

const NONE: readonly TableLicense[] = [];
