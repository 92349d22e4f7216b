/**
 * The key table: the authorizations that this server issued and that live. Its records are the
 * promise kept on disk; heartbeats are not written, so after a start every key counts as heard now.
 */
import { assert } from './errors.ts';
import { type Expiring, ExpiryQueue } from './expiry-queue.ts';
import { type Journaled, KeyJournal } from './key-journal.ts';
import { bufferOf, type Holder, type KeyBody, KeyReader, type Terms } from './key-record.ts';
import { CLOCK_DRIFT_MAX, EXPIRED_PER_TICK_MAX, MARGIN_MS } from './limits.ts';
import { numberOfKey, type RecordSource, Space, spacePrefix, type Write } from './records.ts';

/** An issued seat, or several under one key. */
export interface SeatKey extends Expiring, Journaled {
  /** Public id, as `idText` gives it. */
  readonly id: string;
  /** L in them holds for as long as the key lives. */
  readonly terms: Terms;
  readonly holder: Holder;
}

/** When a server ends a key that it last heard at `heard`: no holder believes in it by then. */
export function deadlineOf(heard: number, lifetimeMs: number): number {
  return heard + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS;
}

export class KeyTable {
  readonly #keys = new Map<string, SeatKey>();
  readonly #expiry = new ExpiryQueue<SeatKey>();
  readonly #journal = new KeyJournal();
  /** Invariant: above every number in use. */
  #nextNumber = 1;

  get size(): number {
    return this.#keys.size;
  }

  get(id: string): SeatKey | undefined {
    return this.#keys.get(id);
  }

  /** In the order in which they were issued. */
  values(): IterableIterator<SeatKey> {
    return this.#keys.values();
  }

  issue(body: KeyBody, now: number): SeatKey {
    assert(!this.#keys.has(body.id), 'one live key per id');
    const key = this.#add(this.#nextNumber, body, { now, tabled: false });
    this.#journal.issued(key);
    return key;
  }

  end(key: SeatKey): void {
    this.#keys.delete(key.id);
    this.#expiry.remove(key);
    this.#journal.ended(key);
  }

  /** The key was heard from: it lives a lifetime from now. */
  renew(key: SeatKey, now: number): void {
    key.deadline = deadlineOf(now, key.terms.lifetimeMs);
  }

  /** Ends and returns the keys whose lifetime is over, so many at most as one tick should end. */
  endExpired(now: number): SeatKey[] {
    const expired = this.#expiry.takeDue(now, EXPIRED_PER_TICK_MAX);
    for (const key of expired) {
      this.#keys.delete(key.id);
      this.#journal.ended(key);
    }
    return expired;
  }

  get nextExpiry(): number | null {
    return this.#expiry.nextDue;
  }

  /** What was issued and ended since the last call, as records. */
  takeWrites(): Write[] {
    return this.#journal.takeWrites();
  }

  /** Reads the records back, all heard at `now`. */
  recover(source: RecordSource, now: number): void {
    const { issued, ended } = this.#journal.recover(source);
    const reader = new KeyReader();
    for (const [recordKey, value] of source.scan(spacePrefix(Space.key))) {
      const number = numberOfKey(recordKey);
      this.#nextNumber = Math.max(this.#nextNumber, number + 1);
      if (ended.has(number)) continue;
      this.#add(number, reader.read(bufferOf(value), 0).key, { now, tabled: true });
    }
    for (const number of ended) this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    for (const [number, body] of issued) {
      this.#journal.recovered(this.#add(number, body, { now, tabled: false }));
    }
  }

  #add(
    number: number,
    { id, since, terms, holder }: KeyBody,
    { now, tabled }: { readonly now: number; readonly tabled: boolean },
  ): SeatKey {
    const deadline = deadlineOf(now, terms.lifetimeMs);
    const place = -1;
    const key = { number, id, since, terms, holder, tabled, deadline, bucket: place, slot: place };
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
    this.#keys.set(id, key);
    this.#expiry.add(key);
    return key;
  }
}
