/** Durations as people write them: `500ms`, `30s`, `10m`, `8h`, `30d`. */

import { LmError } from '../../engine/errors.ts';
import { quoted } from '../../engine/license/names.ts';
import { Flags } from './oclif.ts';

/** Milliseconds. Throws `usage`. */
export function parseDuration(text: string): number {
  const [, digits = '', unit = ''] = DURATION.exec(text) ?? [];
  const ms = Number(digits) * (UNITS_MS[unit] ?? Number.NaN);
  if (ms <= DURATION_MS_MAX) return ms;
  const hint = 'Write a whole number and a unit, such as 500ms, 30s, 10m, 8h or 30d.';
  throw new LmError('usage', `${quoted(text)} is not a duration.`, hint);
}

/** A flag whose value is a duration; commands see milliseconds. */
export const durationFlag = Flags.custom<number>({
  helpValue: 'DURATION',
  parse: async (text) => parseDuration(text),
});

const DURATION = /^([0-9]{1,15})(ms|s|m|h|d)$/;
const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** A hundred years: further ahead nobody plans, and sums stay exact. */
const DURATION_MS_MAX = 36_525 * 86_400_000;
