/**
 * The line of a license: the requests that could not be met at once, first come, first served.
 * A waiter keeps its place while its patience lasts; one whose connection is gone keeps it for a
 * short grace and is passed over meanwhile, since nobody would hear the grant.
 */
import type { Client } from './client.ts';
import { LINE_LENGTH_MAX, WAITER_GRACE_MS } from './limits.ts';
import type { CommuteFields } from './messages.ts';

export interface Waiter {
  /** `idText` of the key that the grant will have. */
  readonly id: string;
  readonly count: number;
  /** When it joined, here or where it waited before, in pool time. */
  since: number;
  readonly holdMs: number;
  /** The seats are to leave the network; null where they stay. */
  readonly commute: CommuteFields | null;
  /** How it is to be answered: the connection and the number of its newest poll. */
  client: Client;
  sequence: number;
  /** When its patience is over, boot-time clock. */
  patienceEnd: number;
  /** And when it is answered at the latest, where others are asked for seats meanwhile. */
  graceEnd: number;
  /** When its connection was seen to close, or null while it is there. */
  goneSince: number | null;
  /** The position it was last told. */
  told: number;
}

export class Line {
  /** Invariant: in order of `since`; of equals, in that of joining. */
  readonly #waiters: Waiter[] = [];

  get length(): number {
    return this.#waiters.length;
  }

  get full(): boolean {
    return this.#waiters.length >= LINE_LENGTH_MAX;
  }

  [Symbol.iterator](): IterableIterator<Waiter> {
    return this.#waiters.values();
  }

  join(waiter: Waiter): void {
    const after = this.#waiters.findLastIndex(({ since }) => since <= waiter.since);
    this.#waiters.splice(after + 1, 0, waiter);
  }

  leave(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at !== -1) this.#waiters.splice(at, 1);
  }

  /** Pool time is counted anew. */
  shift(byMs: number): void {
    for (const waiter of this.#waiters) waiter.since += byMs;
  }

  /** The first that can be answered. */
  get head(): Waiter | null {
    return this.#waiters.find(({ goneSince }) => goneSince === null) ?? null;
  }

  /** 1 for the first. */
  positionOf(waiter: Waiter): number {
    return this.#waiters.indexOf(waiter) + 1;
  }

  /** Seats that all who wait ask for together. */
  get seatsWanted(): number {
    return this.#waiters.reduce((sum, { count }) => sum + count, 0);
  }
}

/** When a waiter is to be dealt with even if no seat comes free. */
export function waiterDeadline({ graceEnd, goneSince }: Waiter): number {
  return goneSince === null ? graceEnd : Math.min(graceEnd, goneSince + WAITER_GRACE_MS);
}
