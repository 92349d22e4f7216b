/** The two clocks (STYLE.md rule 9): one for durations, one for license dates and people. */
import { ptr } from 'bun:ffi';
import { assert } from '../errors.ts';
import { libc } from './libc.ts';

/** CLOCK_BOOTTIME of <time.h>: monotonic, and goes on while the machine is suspended. */
const CLOCK_BOOTTIME = 7;

/** Reads milliseconds since the machine started, suspended time included. */
export function bootClock(): () => number {
  const { clock_gettime } = libc({ clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' } });
  const timespec = new BigInt64Array(2);
  const address = ptr(timespec);
  return () => {
    assert(clock_gettime(CLOCK_BOOTTIME, address) === 0, 'the boot clock can be read');
    return Number(timespec[0]) * 1_000 + Number(timespec[1]) / 1_000_000;
  };
}

/** Milliseconds since 1970. It may jump either way; only license dates and people read it. */
export function wallClock(): number {
  return Date.now();
}
