/** Checks of what other servers of the pool report and say. */
import { LmError } from '../errors.ts';

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

export function isCountOrNull(value: unknown): value is number | null {
  return value === null || isCount(value);
}
