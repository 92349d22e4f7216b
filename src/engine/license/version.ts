/** Versions of applications: numeric fields joined by dots, `2.0`, `2024.10.1`. */
import { VERSION_BYTES_MAX, VERSION_FIELDS_MAX } from '../limits.ts';

export function versionProblem(text: string): string | null {
  if (text.length > VERSION_BYTES_MAX) return `is longer than ${VERSION_BYTES_MAX} characters`;
  if (!VERSION.test(text)) return 'is not a version (numbers joined by dots, such as 2.0.1)';
  if (text.split('.').length <= VERSION_FIELDS_MAX) return null;
  return `has more than ${VERSION_FIELDS_MAX} fields`;
}

/** Below zero where a comes first. A missing field counts as 0: 1 and 1.0 are the same version. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = fields(a);
  const right = fields(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

/** One spelling for versions that compare equal: 1, 1.0 and 01.0.0 have the same. */
export function versionKey(version: string): string {
  const numbers = fields(version);
  while (numbers.length > 1 && numbers.at(-1) === 0) numbers.pop();
  return numbers.join('.');
}

function fields(version: string): number[] {
  return version.split('.').map(Number);
}

/** Fifteen digits fit a number exactly. */
const VERSION = /^[0-9]{1,15}(\.[0-9]{1,15})*$/;
