/** Checks of what other servers of the pool report and say. */
import { LmError } from '../errors.ts';
import type { Stamp } from './pool-clock.ts';

/** @throws LmError `protocol`. */
export function check(condition: boolean): asserts condition {
  if (condition) return;
  throw new LmError(
    'protocol',
    'A server of the pool sent a report that this version does not understand.',
    'Bring all servers to versions of lm that work together.',
  );
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A time of a clock, or none. */
export function isReadingOrNull(value: unknown): value is number | null {
  return value === null || Number.isFinite(value);
}

export function stampOf(fields: unknown): Stamp {
  check(Array.isArray(fields));
  const [origin, now] = fields as unknown[];
  check(isCount(origin) && typeof now === 'number' && Number.isFinite(now));
  return { origin, now };
}

export function isCountOrNull(value: unknown): value is number | null {
  return value === null || isCount(value);
}
