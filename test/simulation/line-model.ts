/**
 * Who waits, and in which order, as it looks from outside: by what arrived at the server and what
 * it answered. Where the order can't be known it is left open, and nothing is held against anybody.
 */
/** Whoever asks and is to be answered there. */
type Connection = { readonly client: { readonly name: string } };

export interface Place {
  readonly id: string;
  readonly application: string;
  readonly count: number;
  /** A hold: granted a little after its seats were taken, when its record is in the ledger. */
  readonly holds: boolean;
  /** It came no earlier and no later than these. */
  readonly earliest: number;
  latest: number;
  /** Where it waits, or null as long as that is open. */
  license: string | null;
  /** It was told that it waits. */
  told: boolean;
  connection: Connection;
  gone: boolean;
  leaving: boolean;
  /** It was answered for good, if it was not asked for again. */
  settled: boolean;
  /** Something of it arrived that the server has not dealt with. */
  unsettled: boolean;
  /** By the server's boot-time clock. */
  patienceEnd: number;
}

export class LineModel {
  readonly #places = new Map<string, Place>();
  readonly #stamp: () => number;
  /** Of the last arrival. */
  #arrivals = 0;

  /** `stamp`: gives arrivals their order; never less than before. */
  constructor(stamp: () => number = () => this.#arrivals + 1) {
    this.#stamp = stamp;
  }

  get(id: string): Place | undefined {
    return this.#places.get(id);
  }

  /** Of all who may wait. */
  ids(): string[] {
    return [...this.#places.keys()];
  }

  /** A request arrived; its patience ends no earlier than `patienceEnd`. */
  arrived(asked: {
    readonly id: string;
    readonly application: string;
    readonly count: number;
    readonly holds: boolean;
    readonly connection: Connection;
    readonly patienceEnd: number;
  }): void {
    const { id, application, count, holds, connection, patienceEnd } = asked;
    this.#arrivals = this.#stamp();
    const number = this.#arrivals;
    const place = this.#places.get(id);
    if (place === undefined) {
      const state = { told: false, gone: false, leaving: false, settled: false, unsettled: true };
      const order = { earliest: number, latest: number };
      const where = { license: null, connection, patienceEnd };
      this.#places.set(id, { id, application, count, holds, ...order, ...state, ...where });
      return;
    }
    // One that was gone, or is leaving, may have lost its place, and have another elsewhere.
    if (place.gone || place.leaving) {
      place.latest = number;
      place.license = null;
    }
    Object.assign(place, { connection, patienceEnd, gone: false, leaving: false, unsettled: true });
  }

  leaves(id: string): void {
    const place = this.#places.get(id);
    if (place !== undefined) place.leaving = true;
  }

  closed(connection: Connection): void {
    for (const place of this.#places.values()) {
      if (place.connection === connection) place.gone = true;
    }
  }

  /** It was told that it waits; `license` where there is but one that it can wait for. */
  waits(id: string, license: string | null): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    place.told = true;
    place.license ??= license;
  }

  /** It was granted or turned away; another copy of its request may put it in the line again. */
  settled(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    place.told = false;
    place.settled = true;
    place.license = null;
    place.latest = this.#arrivals;
  }

  /** The server has dealt with all that arrived. */
  turned(): void {
    for (const [id, place] of this.#places) {
      place.unsettled = false;
      if (place.settled && !place.told) this.#places.delete(id);
      place.settled = false;
    }
  }

  /** The server forgot who waited. */
  forgotten(): void {
    this.#places.clear();
  }

  /** Those who certainly wait for this license and can be answered, in no order. */
  waiting(license: string, now: number): Place[] {
    return [...this.#places.values()].filter((place) => {
      const { told, unsettled, gone, leaving, patienceEnd } = place;
      if (place.license !== license || !told || unsettled || gone || leaving) return false;
      return patienceEnd > now;
    });
  }

  /** Those who may be the first that can be answered: one, where the order is known. */
  heads(application: string, license: string): Place[] {
    const all = [...this.#places.values()].filter((place) => {
      if (place.gone || place.leaving || place.application !== application) return false;
      return place.license === null || place.license === license;
    });
    const first = Math.min(...all.map(({ latest }) => latest));
    return all.filter(({ earliest }) => earliest <= first);
  }
}
