import { Damage } from './damage.ts';

/** A key in a buffer. */
export interface Key {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Negative, 0 or positive, as the first key is lower, the same or higher. */
export type CompareKeys = (
  a: Buffer,
  aStart: number,
  aEnd: number,
  b: Buffer,
  bStart: number,
  bEnd: number,
) => number;

/** The order of records: byte by byte, a key before what it begins. */
export const compareBytes: CompareKeys = (a, aStart, aEnd, b, bStart, bEnd) => {
  const shared = Math.min(aEnd - aStart, bEnd - bStart);
  for (let index = 0; index < shared; index += 1) {
    const difference = (a[aStart + index] ?? 0) - (b[bStart + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
};

/** The order of the tree of free pages: by transaction. */
export const compareIntegers: CompareKeys = (a, aStart, aEnd, b, bStart, bEnd) => {
  if (aEnd - aStart !== 8 || bEnd - bStart !== 8)
    throw new Damage('has a damaged list of free pages');
  const difference = a.readBigUInt64LE(aStart) - b.readBigUInt64LE(bStart);
  return difference < 0n ? -1 : Number(difference > 0n);
};
