/**
 * The key table: the authorizations that this server issued and that live. Its records are the
 * promise kept on disk; heartbeats are not written, so after a start every key counts as heard now.
 */
import { type Expiring, ExpiryQueue } from './expiry-queue.ts';
import { CLOCK_DRIFT_MAX, MARGIN_MS } from './limits.ts';
import type { Write } from './records.ts';
import {
  numberKey,
  numberOfKey,
  put,
  type RecordSource,
  read,
  Space,
  spacePrefix,
} from './records.ts';
import { idBytes, idText } from './seat-key.ts';

/** An issued seat, or several under one key. */
export interface SeatKey extends Expiring {
  /**
   * Its number among this server's live keys, in order of issue: the key of its record. Records in
   * that order lie together on disk, so that a batch of grants writes a page or two; in the order
   * of their random ids each would write a page of its own.
   */
  readonly number: number;
  /** Public id, as `idText` gives it. */
  readonly id: string;
  /** The license's id. */
  readonly license: string;
  readonly count: number;
  /** L, for as long as the key lives. */
  readonly lifetimeMs: number;
  /** Wall time of the grant, for people. */
  readonly since: number;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly address: string;
  /** The client instance that holds it. */
  readonly instance: string;
}

type KeyRecord = [
  id: Uint8Array,
  license: string,
  count: number,
  lifetimeMs: number,
  since: number,
  user: string,
  host: string,
  pid: number,
  address: string,
  instance: string,
];

/** When a server ends a key that it last heard at `heard`: no holder believes in it by then. */
export function deadlineOf(heard: number, lifetimeMs: number): number {
  return heard + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS;
}

export class KeyTable {
  readonly #keys = new Map<string, SeatKey>();
  readonly #expiry = new ExpiryQueue<SeatKey>();
  /** Invariant: above every number in use. */
  #nextNumber = 1;

  get size(): number {
    return this.#keys.size;
  }

  get(id: string): SeatKey | undefined {
    return this.#keys.get(id);
  }

  /** The number for the next key. */
  takeNumber(): number {
    const number = this.#nextNumber;
    this.#nextNumber++;
    return number;
  }

  /** In the order in which they were issued. */
  values(): IterableIterator<SeatKey> {
    return this.#keys.values();
  }

  add(key: SeatKey): void {
    this.#keys.set(key.id, key);
    this.#expiry.add(key);
  }

  remove(key: SeatKey): void {
    this.#keys.delete(key.id);
    this.#expiry.remove(key);
  }

  /** The key was heard from: it lives a lifetime from now. */
  renew(key: SeatKey, now: number): void {
    key.deadline = deadlineOf(now, key.lifetimeMs);
  }

  /** Takes out and returns the keys whose lifetime is over. */
  takeExpired(now: number): SeatKey[] {
    const expired = this.#expiry.takeDue(now);
    for (const key of expired) this.#keys.delete(key.id);
    return expired;
  }

  nextExpiry(now: number): number | null {
    return this.#expiry.nextDue(now);
  }

  /** Reads the records back, all heard at `now`. */
  recover(source: RecordSource, now: number): void {
    const known = new Map<string, string>();
    const shared = (text: string) => {
      const first = known.get(text);
      if (first !== undefined) return first;
      known.set(text, text);
      return text;
    };
    for (const [key, value] of source.scan(spacePrefix(Space.key))) {
      const record = read(value) as KeyRecord;
      const [id, license, count, lifetimeMs, since, user, host, pid, address, instance] = record;
      const number = numberOfKey(key);
      this.#nextNumber = number + 1;
      this.add({
        number,
        id: idText(id),
        license: shared(license),
        count,
        lifetimeMs,
        since,
        user: shared(user),
        host: shared(host),
        pid,
        address: shared(address),
        instance: shared(instance),
        deadline: deadlineOf(now, lifetimeMs),
        bucket: -1,
        slot: -1,
      });
    }
  }
}

export function keyWrite(key: SeatKey): Write {
  const { id, license, count, lifetimeMs, since, user, host, pid, address, instance } = key;
  const record: KeyRecord = [
    idBytes(id),
    license,
    count,
    lifetimeMs,
    since,
    user,
    host,
    pid,
    address,
    instance,
  ];
  return put(numberKey(Space.key, key.number), record);
}

export function keyDrop(key: SeatKey): Write {
  return { key: numberKey(Space.key, key.number), value: null };
}
