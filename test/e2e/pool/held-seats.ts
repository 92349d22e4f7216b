/** The seats that the clients of this process believe to hold, for the record. */
import { bootClock } from '../../../src/engine/io/clock.ts';
import type { Belief, BeliefEnd } from './seat-record.ts';

const LOOK_MS = 20;

/** A seat of the library, as far as the record looks at it. */
export interface HeldSeat {
  readonly application: string;
  readonly count: number;
  readonly server: string;
  readonly valid: boolean;
  readonly expiresAt: Date;
}

export class HeldSeats {
  readonly #open = new Map<Belief, HeldSeat>();
  readonly #now = bootClock();
  readonly #hears: {
    readonly began: (belief: Belief) => void;
    readonly ended: (end: BeliefEnd) => void;
  };
  readonly #looking: ReturnType<typeof setInterval>;

  /** Asks every seat, every so often, whether its client may run on it now; until `close`. */
  constructor(hears: {
    readonly began: (belief: Belief) => void;
    readonly ended: (end: BeliefEnd) => void;
  }) {
    this.#hears = hears;
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  /** A client was told that it has this seat. */
  granted(seat: HeldSeat): Belief {
    const { application, count, server } = seat;
    const id = crypto.randomUUID();
    const belief = { id, application, count, grantedBy: server, from: this.#now() };
    this.#open.set(belief, seat);
    this.#hears.began(belief);
    return belief;
  }

  /** The client does not use it from now on: to be said before it is given back. */
  ended(belief: Belief): void {
    const seat = this.#open.get(belief);
    if (seat === undefined) return;
    this.#open.delete(belief);
    // This may be seen late; the library would have told at any moment that its time is over.
    const leftMs = seat.expiresAt.getTime() - Date.now();
    const until = this.#now() + Math.min(0, leftMs);
    this.#hears.ended({ id: belief.id, server: seat.server, until });
  }

  close(): void {
    clearInterval(this.#looking);
  }

  #look(): void {
    for (const [belief, seat] of [...this.#open]) if (!seat.valid) this.ended(belief);
  }
}
