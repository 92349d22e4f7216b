import type { TableLicense } from '../license/license-table.ts';

/** L for a key granted at `mark`, in milliseconds; 0 where none is. */
export function lifetimeAt(license: TableLicense | null, mark: number): number {
  const usable = license !== null && license.phaseAt(mark) === 'active';
  return usable ? license.keyLifetimeMsAt(mark) : 0;
}
