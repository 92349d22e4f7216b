/**
 * The log of who was refused: a stranger that knocks all day gets a line now and then, with the
 * number of times, and many strangers can't fill the disk.
 */
import { REFUSAL_LOG_MS, REFUSALS_LOGGED_MAX } from '../engine/limits.ts';

interface Refused {
  readonly since: number;
  /** Refused again since it was logged. */
  times: number;
}

export class RefusalLog {
  readonly #now: () => number;
  readonly #known = new Map<string, Refused>();

  /** `now` in milliseconds, of any steady clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * How often `who` was refused without a line since the last one, where a line is due; else null.
   */
  due(who: string): number | null {
    const now = this.#now();
    const known = this.#known.get(who);
    if (known !== undefined && now - known.since < REFUSAL_LOG_MS) {
      known.times++;
      return null;
    }
    if (known === undefined && !this.#hasRoom(now)) return null;
    // Taken out first, so that the map stays in the order of its times.
    this.#known.delete(who);
    this.#known.set(who, { since: now, times: 0 });
    return known?.times ?? 0;
  }

  #hasRoom(now: number): boolean {
    if (this.#known.size < REFUSALS_LOGGED_MAX) return true;
    for (const [oldest, { since }] of this.#known) {
      if (now - since < REFUSAL_LOG_MS) return false;
      this.#known.delete(oldest);
      return true;
    }
    return false;
  }
}
