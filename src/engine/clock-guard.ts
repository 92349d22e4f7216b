/**
 * Wall time made fit to judge license dates by. It follows the wall clock only as far as the
 * boot-time clock vouches for it: a clock set back does not revive a license, and one that jumps
 * ahead while the server runs does not end one.
 */
import { CLOCK_DRIFT_MAX, CLOCK_SLEW_MS_MAX } from './limits.ts';
import type { Time } from './time.ts';

export class ClockGuard {
  #boot: number;
  /** Invariant: never falls. */
  #judged: number;

  /** `mark` is the ledger's wall time: at a start the wall clock is taken from there on. */
  constructor(mark: number, time: Time) {
    this.#boot = time.boot;
    this.#judged = Math.max(mark, time.wall);
  }

  /** The ledger has a new mark: a majority's clocks have passed it. */
  passed(mark: number, time: Time): void {
    this.read(time);
    this.#judged = Math.max(this.#judged, mark);
  }

  /** The guarded wall time, in milliseconds since 1970, as a whole number. */
  read(time: Time): number {
    const elapsed = Math.max(0, time.boot - this.#boot);
    const least = this.#judged + elapsed * (1 - CLOCK_DRIFT_MAX);
    const most = this.#judged + elapsed * (1 + CLOCK_DRIFT_MAX);
    this.#boot = Math.max(this.#boot, time.boot);
    this.#judged = Math.max(least, Math.min(time.wall, most + CLOCK_SLEW_MS_MAX * share(elapsed)));
    return Math.floor(this.#judged);
  }
}

/** A correction of the clock is followed slowly: at most the slew in a minute. */
function share(elapsedMs: number): number {
  return Math.min(1, elapsedMs / 60_000);
}
