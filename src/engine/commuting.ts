/**
 * Whether seats may leave the network (DESIGN section 10), as the server that is asked sees it
 * before it enters them; the ledger decides again, for all servers alike.
 */
import { choose } from './choice.ts';
import { type Denial, nameOf, type Wish } from './denial.ts';
import type { HeldSeats } from './ledger/held-seats.ts';
import { commuterDaysMax, commuterSeatsMax } from './license/commuter-terms.ts';
import type { TableLicense } from './license/license-table.ts';
import { Row } from './row.ts';
import type { Rows } from './rows.ts';

export interface Leaving {
  readonly days: number;
  readonly count: number;
  readonly mark: number;
  readonly held: HeldSeats;
}

/** What people are told of seats that may leave, by the policy of their license. */
export interface MayLeave {
  /** Seats that are away. */
  readonly commuted: number;
  /** Most that may be away at once, and for how long; 0 where none may leave. */
  readonly seatsMax: number;
  readonly daysMax: number;
}

export function mayLeave(
  { id, license }: Row,
  { days, mark, held }: Omit<Leaving, 'count'>,
): MayLeave {
  const commuted = held.commuted(id);
  if (license === null) return { commuted, seatsMax: 0, daysMax: 0 };
  const seatsMax = commuterSeatsMax(license, { days, mark });
  return { commuted, seatsMax, daysMax: commuterDaysMax(license, mark) };
}

/** The row whose seats may leave, or why there is none. */
export function chooseLeaving(
  wish: Wish,
  { licensed, rows }: { readonly licensed: readonly TableLicense[]; readonly rows: Rows },
  leaving: Leaving,
): Row | Denial {
  const { days, mark } = leaving;
  const allowing = licensed.filter((license) => commuterDaysMax(license, mark) >= days);
  const chosen = choose(wish, allowing, rows);
  if (chosen instanceof Row) return leavingDenial(chosen, leaving) ?? chosen;
  const other = choose(wish, licensed, rows);
  return other instanceof Row ? (leavingDenial(other, leaving) ?? chosen) : other;
}

/** Why seats of this row may not leave, or null. */
export function leavingDenial(row: Row, { days, count, mark, held }: Leaving): Denial | null {
  const { license } = row;
  const daysMax = license === null ? 0 : commuterDaysMax(license, mark);
  const commuted = held.commuted(row.id);
  if (license === null || daysMax < days) return tooLong(row, { days, daysMax });
  const seatsMax = commuterSeatsMax(license, { days, mark });
  if (commuted + count <= seatsMax) return null;
  return {
    code: 'denied-by-policy',
    message:
      `Of ${nameOf(row)} at most ${seatsMax} seats may be commuted at once; ` +
      `${commuted} are, and ${count} more were asked for.`,
    hint: count > seatsMax ? 'Ask for fewer seats.' : SEE,
    details: { ...subject(row), requested: count, commuted, commuterSeatsMax: seatsMax },
  };
}

/** A retry of what ended before its file was made. */
export function commuteOver(row: Row): Denial {
  return {
    code: 'evicted',
    message: `The commuted seat of ${nameOf(row)} is over.`,
    hint: 'Check one out anew.',
    details: subject(row),
  };
}

const SEE = 'Wait until one is checked in; "lm commute list" shows who has them.';

function tooLong(row: Row, { days, daysMax }: { days: number; daysMax: number }): Denial {
  const allowed = daysMax === 0 ? 'not be commuted' : `be commuted for ${daysMax} days at most`;
  return {
    code: 'denied-by-policy',
    message: `Seats of ${nameOf(row)} may ${allowed}; ${days} days were asked for.`,
    hint: daysMax === 0 ? 'Ask the vendor for a license that allows it.' : 'Ask for fewer days.',
    details: { ...subject(row), days, commuterDays: daysMax },
  };
}

function subject({ named: { vendor, application, version } }: Row) {
  return { vendor, application, version };
}
