/**
 * The clock that lifetimes are measured on: milliseconds since the machine started, time asleep
 * included (DESIGN section 2). Linux offers it to every language as /proc/uptime; the file stays
 * open, so that a program which has used up its descriptors does not lose its seats over it.
 */
import { openSync, readSync } from 'node:fs';

export type BootClock = () => number;

let shared: BootClock | null = null;

/** One clock for the process: it holds one descriptor. */
export function bootClock(): BootClock {
  shared ??= uptimeClock('/proc/uptime') ?? steadiestClock();
  return shared;
}

/** Null where the system has no such file. Resolution: 10 ms, rounded down. */
function uptimeClock(path: string): BootClock | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return null;
  }
  const buffer = Buffer.alloc(64);
  const read = () => {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    return Math.round(Number.parseFloat(buffer.toString('latin1', 0, length)) * 1_000);
  };
  return Number.isFinite(read()) ? read : null;
}

/**
 * Without a boot-time clock: the faster of the process's clock, which may stand still while the
 * machine sleeps, and wall time, which may be set. It errs towards ending a seat too early.
 */
export function steadiestClock(
  monotonic: () => number = () => performance.now(),
  wall: () => number = Date.now,
): BootClock {
  let time = 0;
  let monotonicLast = monotonic();
  let wallLast = wall();
  return () => {
    const [monotonicNow, wallNow] = [monotonic(), wall()];
    time += Math.max(0, monotonicNow - monotonicLast, wallNow - wallLast);
    monotonicLast = monotonicNow;
    wallLast = wallNow;
    return time;
  };
}
