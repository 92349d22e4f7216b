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
}

export interface Belief {
  readonly client: Believer;
  readonly seat: BelievedSeat;
  readonly license: string;
  readonly count: number;
  /** By the client's boot-time clock. */
  until: number;
}

export class Beliefs {
  readonly #beliefs = new Map<string, Belief>();

  promised(
    of: Omit<Belief, 'until'>,
    answered: { readonly sentAt: number; readonly lifetimeMs: number },
  ): void {
    const until = answered.sentAt + answered.lifetimeMs;
    const known = this.#beliefs.get(of.seat.id);
    if (known === undefined) this.#beliefs.set(of.seat.id, { ...of, until });
    else known.until = Math.max(known.until, until);
  }

  renewed(
    seat: BelievedSeat,
    answered: { readonly sentAt: number; readonly lifetimeMs: number },
  ): void {
    const known = this.#beliefs.get(seat.id);
    if (known !== undefined) this.promised(known, answered);
  }

  /** What may be believed in now; forgets the rest. */
  held(): Belief[] {
    const held: Belief[] = [];
    for (const [id, belief] of this.#beliefs) {
      const { client, seat, until } = belief;
      if (client.clock < seat.expiresAt || (client.clock < until && !seat.givenUp))
        held.push(belief);
      else if (client.clock >= until) this.#beliefs.delete(id);
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
