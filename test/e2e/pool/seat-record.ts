/**
 * The promise, from the clients' side (DESIGN section 2): what all of them believe to hold at a
 * moment is at most the hard limit. Seats are asked at every grant, and every so often between; and
 * at the end the whole record is read once more, as intervals.
 */
import { bootClock } from '../../../src/engine/io/clock.ts';

/** A seat of the library, as far as the record looks at it. */
export interface HeldSeat {
  readonly application: string;
  readonly count: number;
  readonly server: string;
  readonly valid: boolean;
}

/** What one client believed: from its grant until it gave it back, lost it, or its time was over. */
export interface Belief {
  readonly seat: HeldSeat;
  readonly application: string;
  readonly count: number;
  readonly grantedBy: string;
  readonly from: number;
  until: number | null;
}

export class SeatRecord {
  readonly #limits: ReadonlyMap<string, number>;
  readonly #now = bootClock();
  readonly #beliefs: Belief[] = [];
  /** Invariant: those without an end. */
  readonly #open = new Set<Belief>();
  /** The most that was held at once, by application. */
  readonly most = new Map<string, number>();
  readonly problems: string[] = [];
  /** Seats that ended at another server than the one that issued them: they were claimed. */
  claims = 0;

  constructor(limits: ReadonlyMap<string, number>) {
    this.#limits = limits;
  }

  /** A client was told that it has this seat. */
  granted(seat: HeldSeat): Belief {
    const { application, count, server } = seat;
    const from = this.#now();
    const belief = { seat, application, count, grantedBy: server, from, until: null };
    this.#beliefs.push(belief);
    this.#open.add(belief);
    this.look();
    return belief;
  }

  /** The client does not use it from now on: to be said before it is given back. */
  ended(belief: Belief): void {
    if (!this.#open.delete(belief)) return;
    belief.until = this.#now();
    if (belief.seat.server !== belief.grantedBy) this.claims += 1;
  }

  /** Asks every seat whether its client may run on it now, and adds them up. */
  look(): void {
    const held = new Map<string, number>();
    for (const belief of [...this.#open]) {
      const { application, count, seat } = belief;
      if (!seat.valid) this.ended(belief);
      else held.set(application, (held.get(application) ?? 0) + count);
    }
    for (const [application, count] of held) this.#judge(application, count, this.#now());
  }

  /** Reads the intervals from the first to the last, where an end comes before a beginning. */
  sweep(): void {
    const steps = this.#beliefs.flatMap(({ application, count, from, until }) => [
      { at: from, application, change: count },
      { at: until ?? Number.POSITIVE_INFINITY, application, change: -count },
    ]);
    steps.sort((a, b) => a.at - b.at || a.change - b.change);
    const held = new Map<string, number>();
    for (const { at, application, change } of steps) {
      const count = (held.get(application) ?? 0) + change;
      held.set(application, count);
      if (change > 0) this.#judge(application, count, at);
    }
  }

  #judge(application: string, count: number, at: number): void {
    this.most.set(application, Math.max(count, this.most.get(application) ?? 0));
    const limit = this.#limits.get(application) ?? 0;
    if (count <= limit) return;
    const by = new Map<string, number>();
    for (const { application: one, grantedBy, count: seats } of this.#open) {
      if (one === application) by.set(grantedBy, (by.get(grantedBy) ?? 0) + seats);
    }
    const shares = [...by].map(([server, seats]) => `${server} ${seats}`).sort();
    const time = (at / 1_000).toFixed(3);
    this.problems.push(
      `${count} of ${limit} seats of ${application} at ${time}: ${shares.join(', ')}`,
    );
  }
}
