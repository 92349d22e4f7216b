/**
 * Things that end at a time, in buckets of a second. A deadline may be put off freely: its bucket
 * is looked at when it is due, and what then has time left moves on to a later one. So a renewal
 * costs nothing here, and taking one out costs a swap.
 */
export interface Expiring {
  /** When it ends, in milliseconds on the boot-time clock. May only grow while it is queued. */
  deadline: number;
  /** Where the queue put it; -1 while it is not queued. Only the queue writes these. */
  bucket: number;
  slot: number;
}

const BUCKET_MS = 1_000;

export class ExpiryQueue<Item extends Expiring> {
  readonly #buckets = new Map<number, Item[]>();
  /** No bucket before this one holds anything. */
  #first = Number.POSITIVE_INFINITY;
  /** When `takeDue` was called last. */
  #looked = Number.NEGATIVE_INFINITY;

  add(item: Item): void {
    const bucket = Math.floor(item.deadline / BUCKET_MS);
    let items = this.#buckets.get(bucket);
    if (items === undefined) {
      items = [];
      this.#buckets.set(bucket, items);
    }
    item.bucket = bucket;
    item.slot = items.length;
    items.push(item);
    if (bucket < this.#first) this.#first = bucket;
  }

  remove(item: Item): void {
    const items = this.#buckets.get(item.bucket);
    const last = items?.pop();
    if (items === undefined || last === undefined) return;
    if (last !== item) {
      items[item.slot] = last;
      last.slot = item.slot;
    }
    if (items.length === 0) this.#buckets.delete(item.bucket);
    item.bucket = -1;
  }

  /** Takes out and returns what has ended by `now`, in order of deadline: `countMax` at most. */
  takeDue(now: number, countMax: number): Item[] {
    const due: Item[] = [];
    this.#looked = now;
    if (this.#first * BUCKET_MS > now) return due;
    const current = Math.floor(now / BUCKET_MS);
    const buckets = [...this.#buckets.keys()].filter((bucket) => bucket <= current);
    for (const bucket of buckets.sort((a, b) => a - b)) this.#empty(bucket, { now, countMax, due });
    this.#first = Number.POSITIVE_INFINITY;
    for (const bucket of this.#buckets.keys()) this.#first = Math.min(this.#first, bucket);
    return due.sort((a, b) => a.deadline - b.deadline);
  }

  /** From its end, since what is taken out is replaced by the last: nothing is missed. */
  #empty(bucket: number, { now, countMax, due }: Taking<Item>): void {
    const items = this.#buckets.get(bucket) ?? [];
    for (let slot = items.length - 1; slot >= 0 && due.length < countMax; slot--) {
      const item = items[slot];
      if (item === undefined) continue;
      if (item.deadline > now && Math.floor(item.deadline / BUCKET_MS) === bucket) continue;
      this.remove(item);
      if (item.deadline <= now) due.push(item);
      else this.add(item);
    }
  }

  /**
   * When `takeDue` is worth calling, or null where nothing is queued: a fixed time until it is
   * called, so that whoever asks again and again does see it pass.
   */
  get nextDue(): number | null {
    if (this.#buckets.size === 0) return null;
    return Math.max(this.#first * BUCKET_MS, this.#looked + BUCKET_MS / 4);
  }
}

interface Taking<Item> {
  readonly now: number;
  readonly countMax: number;
  readonly due: Item[];
}
