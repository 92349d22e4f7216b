/**
 * The promise, from the clients' side: what anybody may still believe to hold. A seat counts from
 * the moment at which the server promises it, whether or not the answer arrives, until its lifetime
 * is over by the clock of the client that asked, or that client has given it up.
 */

/** Whose clock counts. */
export interface Believer {
  readonly name: string;
  /** Its boot-time clock. */
  readonly clock: number;
}

/** A seat as its client has it. */
export interface BelievedSeat {
  readonly id: string;
  /** By the client's boot-time clock. */
  readonly expiresAt: number;
  /** The client does not want it any more. */
  readonly givenUp: boolean;
  /** Of the answer that the client goes by, where that may be one of several. */
  readonly license?: string | null;
  /** What was promised to older messages does not count any more. */
  readonly takenAt?: number;
}

/** When the client sent what is answered, by its own clock, and for how long that counts. */
interface Answered {
  readonly sentAt: number;
  readonly lifetimeMs: number;
}

export interface Belief {
  readonly client: Believer;
  readonly seat: BelievedSeat;
  readonly license: string;
  readonly count: number;
  /** By the client's boot-time clock: of the promise that reaches furthest, and how far. */
  sentAt: number;
  until: number;
}

export class Beliefs {
  /** By seat and license: two servers may have granted one request, each in its own way. */
  readonly #beliefs = new Map<string, Belief>();

  promised(of: Omit<Belief, 'sentAt' | 'until'>, { sentAt, lifetimeMs }: Answered): void {
    const until = sentAt + lifetimeMs;
    const place = `${of.seat.id} ${of.license}`;
    const known = this.#beliefs.get(place);
    if (known === undefined) this.#beliefs.set(place, { ...of, sentAt, until });
    else if (!counts(known) || (until > known.until && counts({ ...of, sentAt }))) {
      Object.assign(known, { sentAt, until });
    }
  }

  /** `license`: which of them, where a seat may be of several. */
  renewed(seat: BelievedSeat, answered: Answered, license: string | null = null): void {
    for (const known of this.#beliefs.values()) {
      if (known.seat === seat && known.license === (license ?? known.license))
        this.promised(known, answered);
    }
  }

  /** Nobody relies on these any more, for a reason of their own; how many they were. */
  giveUp(which: (belief: Belief) => boolean): number {
    const before = this.#beliefs.size;
    for (const [place, belief] of this.#beliefs) if (which(belief)) this.#beliefs.delete(place);
    return before - this.#beliefs.size;
  }

  /** What may be believed in now; forgets the rest. */
  held(): Belief[] {
    const held: Belief[] = [];
    for (const [place, belief] of this.#beliefs) {
      const { client, seat, license, until } = belief;
      const isIts = (seat.license ?? license) === license;
      const runs = isIts && client.clock < seat.expiresAt;
      if (runs || (client.clock < until && !seat.givenUp && counts(belief))) held.push(belief);
      else if (client.clock >= until) this.#beliefs.delete(place);
    }
    return held;
  }

  /** Seats by license. */
  sums(): Map<string, number> {
    const sums = new Map<string, number>();
    for (const { license, count } of this.held()) {
      sums.set(license, (sums.get(license) ?? 0) + count);
    }
    return sums;
  }
}

function counts({ seat, sentAt }: Pick<Belief, 'seat' | 'sentAt'>): boolean {
  return sentAt >= (seat.takenAt ?? Number.NEGATIVE_INFINITY);
}
