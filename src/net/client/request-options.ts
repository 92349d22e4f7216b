/** What an application asks for, checked before anything is sent. */
import { LmError } from '../../engine/errors.ts';
import { applicationProblem, nameProblem, quoted } from '../../engine/license/names.ts';
import { versionProblem } from '../../engine/license/version.ts';
import {
  COMMUTER_DAYS_MAX,
  HOLD_MS_MAX,
  PATIENCE_MS_MAX,
  SEATS_PER_REQUEST_MAX,
} from '../../engine/limits.ts';
import type { WaitingNews } from './ask.ts';
import type { Wish } from './waiter.ts';

export interface RequestOptions {
  readonly application: string;
  /** Numeric fields joined by dots. Without one any licensed version serves. */
  readonly version?: string | undefined;
  readonly vendor?: string | undefined;
  /** Seats, all or none. Default 1. */
  readonly count?: number | undefined;
  /** How long to wait, in the line or for a server. Default 0: an answer now. */
  readonly waitMs?: number | undefined;
  /** Keep the seat this long without heartbeats, then let it end. Default: while it is renewed. */
  readonly holdMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told at each change: the place in the line, or what stands in the way. */
  readonly onWaiting?: ((news: WaitingNews) => void) | undefined;
}

export interface CommuteOptions extends Omit<RequestOptions, 'holdMs'> {
  /** How long, in whole days; cut to the license's own end. */
  readonly days: number;
  /** Where the seat is kept. A file there is refused, unless it is an unfinished check-out. */
  readonly file: string;
}

/** @throws LmError `usage`. */
export function wishOf(options: RequestOptions): Wish {
  const { application, vendor = null, version = null, count = 1, holdMs = 0, waitMs = 0 } = options;
  refuse('application', application, applicationProblem(application));
  if (vendor !== null) refuse('vendor', vendor, nameProblem(vendor));
  if (version !== null) refuse('version', version, versionProblem(version));
  refuseNumber('count', count, { min: 1, max: SEATS_PER_REQUEST_MAX });
  refuseNumber('time to wait', waitMs, { min: 0, max: PATIENCE_MS_MAX });
  refuseNumber('time to hold', holdMs, { min: 0, max: HOLD_MS_MAX });
  return { application, vendor, version, count, holdMs };
}

/** @throws LmError `usage`. */
export function refuseDays(days: number): void {
  refuseNumber('number of days', days, { min: 1, max: COMMUTER_DAYS_MAX });
}

function refuse(what: string, text: string, problem: string | null): void {
  if (problem === null) return;
  throw new LmError('usage', `The ${what} ${quoted(text)} ${problem}.`, 'Correct the request.');
}

function refuseNumber(
  what: string,
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  const message = `The ${what} is ${value}, and not a whole number from ${min} to ${max}.`;
  throw new LmError('usage', message, 'Correct the request.');
}
