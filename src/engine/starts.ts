/**
 * A server's starts, as its own disk tells of them. A boot counter alone can be caught up with: a
 * server that was set back, and starts again and again where nobody sees it, counts past what the
 * others remember. Its starts of before are then other ones than those they saw.
 */

/** Of one start: boot counter, random number, and the last transaction on the disk as it began. */
export type Start = readonly [boot: number, start: number, transaction: number];

const START_FIELDS = 3;

/** So many are told of: whoever saw only earlier ones has the counters to go by. */
export const STARTS_KEPT = 100;

/** Newest first. */
export function withStart(starts: readonly Start[], start: Start): Start[] {
  return [start, ...starts].slice(0, STARTS_KEPT);
}

/** Starts as a disk or another server has them: others in their place count for nothing. */
export function readStarts(value: unknown): Start[] {
  if (!Array.isArray(value)) return [];
  const starts: Start[] = [];
  for (const entry of value.slice(0, STARTS_KEPT)) {
    const isStart = Array.isArray(entry) && entry.length >= START_FIELDS;
    if (!isStart || !entry.slice(0, START_FIELDS).every(Number.isSafeInteger)) break;
    starts.push([entry[0], entry[1], entry[2]] as Start);
  }
  return starts;
}
