/** License dates as people write them: `2027-01-31`, or ISO 8601 with a zone. */

import { LmError } from '../../engine/errors.ts';
import { quoted } from '../../engine/license/names.ts';
import { Flags } from './oclif.ts';

/** Which second of a day without a time is meant: a license lasts through its last day. */
export type DayEdge = 'start' | 'end';

/** Milliseconds since 1970, whole seconds; a day without a time is one of UTC. Throws `usage`. */
export function parseDate(text: string, edge: DayEdge): number {
  const [, day = '', time] = DATE.exec(text) ?? [];
  const ms = Date.parse(`${day}${time ?? (edge === 'start' ? 'T00:00:00Z' : 'T23:59:59Z')}`);
  if (Number.isFinite(ms) && isOnCalendar(day) && ms >= 0) return Math.floor(ms / 1000) * 1000;
  const hint = 'Write 2027-01-31, or with a time and a zone 2027-01-31T18:00:00Z or …+02:00.';
  throw new LmError('usage', `${quoted(text)} is not a date.`, hint);
}

export function dateFlag(edge: DayEdge) {
  return Flags.custom<number>({
    helpValue: 'DATE',
    parse: async (text) => parseDate(text, edge),
  });
}

/** `Date.parse` takes February 30 for March 2. */
function isOnCalendar(day: string): boolean {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(midnight) && new Date(midnight).toISOString().startsWith(day);
}

/** A day, and a time of it with a zone. */
const DATE = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
