import type { TableLicense } from '../license/license-table.ts';

/** L for a key granted at `mark`, in milliseconds; 0 where none is. */
export function lifetimeAt(license: TableLicense | null, mark: number): number {
  const lifetimeMs = license?.keyLifetimeMsAt(mark) ?? Number.POSITIVE_INFINITY;
  return Number.isFinite(lifetimeMs) ? lifetimeMs : 0;
}
