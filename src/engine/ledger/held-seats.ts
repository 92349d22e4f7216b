/**
 * Seats without heartbeats: records in the ledger, at no server (DESIGN sections 8 and 10). They
 * are held (`--hold`) for a lifetime, or commuted until an end. Who has them keeps them whatever
 * becomes of the server that was asked.
 */
import { COMMUTER_SKEW_MS } from '../limits.ts';
import type { ClaimedKey, Commute } from './entries.ts';

/** A seat that left. */
export interface Commuted extends Commute {
  /** Wall time, milliseconds since 1970: by then its holder has stopped using it. */
  readonly end: number;
}

export interface HeldSeat {
  readonly license: string;
  /** Its lifetime is how long it is held from the last entry about it. */
  readonly key: ClaimedKey;
  /** Who entered it, for people. */
  readonly server: string;
  /** Of the newest entry that held them: their time counts from there. */
  readonly index: number;
  /** Null for what is only held. */
  readonly commute: Commuted | null;
  /** An administrator gave a commuted seat up for lost: its file is not made anew. */
  readonly writtenOff: boolean;
}

/** One that was renewed since its end was seen to come goes on. */
export function endsBy({ index }: HeldSeat, { since }: { readonly since: number | null }): boolean {
  return since === null || since === index;
}

/** Told what is to be written. */
interface Writes {
  held(held: HeldSeat): void;
  released(held: HeldSeat): void;
}

export class HeldSeats {
  readonly #writes: Writes;
  readonly #byId = new Map<string, HeldSeat>();
  /** Commuted seats by license. */
  readonly #commuted = new Map<string, number>();

  constructor(writes: Writes) {
    this.#writes = writes;
  }

  get(id: string): HeldSeat | undefined {
    return this.#byId.get(id);
  }

  values(): IterableIterator<HeldSeat> {
    return this.#byId.values();
  }

  /** Commuted seats of a license. */
  commuted(license: string): number {
    return this.#commuted.get(license) ?? 0;
  }

  /** Adds it, or replaces the one of the same id. */
  set(held: HeldSeat): void {
    this.#put(held);
    this.#writes.held(held);
  }

  delete(held: HeldSeat): void {
    this.#byId.delete(held.key.id);
    this.#count(held, -held.key.count);
    this.#writes.released(held);
  }

  /** Commuted seats whose end is so long past that nobody uses them, by any clock that is right. */
  over(mark: number): HeldSeat[] {
    return [...this.#byId.values()].filter(({ commute }) => {
      return commute !== null && commute.end + COMMUTER_SKEW_MS <= mark;
    });
  }

  /** What the records say, which need not be written. */
  restore(all: readonly HeldSeat[]): void {
    this.#byId.clear();
    this.#commuted.clear();
    for (const held of all) this.#put(held);
  }

  #put(held: HeldSeat): void {
    const before = this.#byId.get(held.key.id);
    if (before !== undefined) this.#count(before, -before.key.count);
    this.#byId.set(held.key.id, held);
    this.#count(held, held.key.count);
  }

  #count({ license, commute }: HeldSeat, seats: number): void {
    if (commute !== null) this.#commuted.set(license, this.commuted(license) + seats);
  }
}

export function heldRecord(held: HeldSeat): unknown[] {
  const { license, key, server, index, commute, writtenOff } = held;
  const { id, count, lifetimeMs, since, holder } = key;
  const fields = [license, server, index, [id, count, lifetimeMs, since, holder]];
  if (commute === null) return fields;
  return [...fields, [commute.end, commute.days, commute.machine, writtenOff]];
}

export function readHeld(record: unknown): HeldSeat {
  const [license, server, index, fields, commuted] = record as [
    ...[string, string, number],
    [string, number, number, number, ClaimedKey['holder']],
    [number, number, string, boolean] | undefined,
  ];
  const [id, count, lifetimeMs, since, holder] = fields;
  const key = { id, count, lifetimeMs, since, holder };
  const held = { license, server, index, key };
  if (commuted === undefined) return { ...held, commute: null, writtenOff: false };
  const [end, days, machine, writtenOff] = commuted;
  return { ...held, commute: { end, days, machine }, writtenOff };
}
