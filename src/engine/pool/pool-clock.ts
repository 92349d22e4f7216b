/**
 * Pool time: one clock for the order of the line over all servers, whatever their own clocks say
 * (DESIGN section 8). It is the leader's boot-time clock; the others follow it by the leader's
 * words, and whoever leads next goes on with it. It decides who came first, and nothing else.
 */
import { CLOCK_DRIFT_MAX } from '../limits.ts';

/** A reading of pool time, as servers tell it. */
export interface Stamp {
  /** Term of the leader that began to count it; 0 where it was not heard yet. */
  readonly origin: number;
  /** Milliseconds. */
  readonly now: number;
}

export class PoolClock {
  #origin = 0;
  #aheadMs = 0;
  /** When it was compared last, boot-time clock; null where nothing heard before counts. */
  #comparedAt: number | null = null;
  /** What was read already: it does not go back, so that none who came later comes first. */
  #least = Number.NEGATIVE_INFINITY;

  get origin(): number {
    return this.#origin;
  }

  /** Pool time at a time of the boot-time clock. */
  read(now: number): number {
    return Math.max(now + this.#aheadMs, this.#least);
  }

  stamp(now: number): Stamp {
    return { origin: this.#origin, now: this.read(now) };
  }

  /** A leader that never heard pool time counts from its own clock. */
  begin(term: number): void {
    if (this.#origin === 0) this.#origin = term;
  }

  /** This server's clock jumped: what was compared before says nothing. */
  forget(): void {
    this.#comparedAt = null;
  }

  /**
   * Takes over what another server read. Returns by how much readings of before are to be shifted:
   * 0 unless they were of another pool time.
   */
  follow({ origin, now: said }: Stamp, now: number): number {
    if (origin === 0) return 0;
    const aheadMs = said - now;
    const isOther = origin !== this.#origin;
    const shiftMs = isOther ? aheadMs - this.#aheadMs : 0;
    if (isOther || this.#comparedAt === null) {
      this.#aheadMs = aheadMs;
      this.#least = Number.NEGATIVE_INFINITY;
    } else {
      this.#least = this.read(now);
      // What came late says too little; two clocks may drift apart by no more than this.
      const driftedMs = 2 * CLOCK_DRIFT_MAX * (now - this.#comparedAt);
      this.#aheadMs = Math.max(aheadMs, this.#aheadMs - driftedMs);
    }
    this.#origin = origin;
    this.#comparedAt = now;
    return shiftMs;
  }

  /** What a reading of another server's is here; one of another pool time goes by its age. */
  translate(reading: number, { origin, now: said }: Stamp, now: number): number {
    const isSame = origin !== 0 && origin === this.#origin;
    return isSame ? reading : reading + this.read(now) - said;
  }
}
