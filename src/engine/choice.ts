/**
 * Which license serves a request: a code for version V covers requests up to V, and of the covering
 * licenses the lowest version that has seats serves, else the line of the lowest.
 */

import type { Denial, Wish } from './denial.ts';
import * as denial from './denial.ts';
import type { TableLicense } from './license/license-table.ts';
import { compareVersions } from './license/version.ts';
import type { Row } from './row.ts';
import type { Rows } from './rows.ts';

/** The row to serve it from or to wait at, or why there is none. */
export function choose(wish: Wish, licensed: readonly TableLicense[], rows: Rows): Row | Denial {
  let lowest: Row | null = null;
  if (hasOneVendor(wish, licensed)) {
    for (const license of licensed) {
      if (!covers(license, wish)) continue;
      const row = rows.get(license.id);
      if (row === undefined) continue;
      if (row.hasSeats(wish.count)) return row;
      if (lowest === null && row.phase === 'active' && wish.count <= row.ceiling) lowest = row;
    }
  }
  if (lowest !== null) return lowest;
  const why = whyNot(wish, licensed, rows);
  return rows.areChanging && UNLICENSED.has(why.code) ? denial.notInForceYet(wish) : why;
}

const UNLICENSED: ReadonlySet<string> = new Set(['unknown-application', 'version-not-licensed']);

function covers(license: TableLicense, { vendor, version }: Wish): boolean {
  if (vendor !== null && license.vendor !== vendor) return false;
  return version === null || compareVersions(version, license.version) <= 0;
}

/** The list is sorted by vendor: one vendor stands at both of its ends. */
function hasOneVendor({ vendor }: Wish, licensed: readonly TableLicense[]): boolean {
  return vendor !== null || licensed[0]?.vendor === licensed.at(-1)?.vendor;
}

/** The most fundamental reason first. */
function whyNot(wish: Wish, licensed: readonly TableLicense[], rows: Rows): Denial {
  const ofVendor = licensed.filter(({ vendor }) => wish.vendor === null || vendor === wish.vendor);
  const vendors = [...new Set(ofVendor.map(({ vendor }) => vendor))];
  if (vendors.length > 1) return denial.ambiguousVendor(wish, vendors);
  const covering = ofVendor
    .filter((license) => covers(license, wish))
    .map(({ id }) => rows.get(id))
    .filter((row) => row !== undefined);
  const [first] = covering;
  if (first === undefined) {
    const versions = ofVendor.map(({ version }) => version);
    return versions.length === 0
      ? denial.unknownApplication(wish)
      : denial.versionNotLicensed(wish, versions);
  }
  const active = covering.filter(({ phase }) => phase === 'active');
  if (active.length > 0) {
    const largest = active.reduce((best, row) => (row.ceiling > best.ceiling ? row : best));
    return denial.exceedsLimit(largest, wish.count);
  }
  // None may be used now: one that is still to begin is better news than one that is over.
  const coming = covering.find(({ phase }) => phase === 'coming');
  return coming === undefined ? denial.expired(first) : denial.notYetValid(coming);
}
