/** What is to happen, in order of time; and the time, in true milliseconds that no host can read. */
export interface Entry {
  readonly at: number;
  readonly order: number;
  /** Null once it is cancelled. */
  run: (() => void) | null;
}

export class Agenda {
  now = 0;
  /** How much has happened. */
  steps = 0;
  #orders = 0;
  /** A binary heap: nothing comes before its parent, (n - 1) / 2. */
  readonly #heap: Entry[] = [];

  at(time: number, run: () => void): Entry {
    const entry: Entry = { at: Math.max(time, this.now), order: this.#orders++, run };
    this.#heap.push(entry);
    let child = this.#heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfBefore(child, parent)) break;
      child = parent;
    }
    return entry;
  }

  after(delay: number, run: () => void): Entry {
    return this.at(this.now + delay, run);
  }

  /** Lets happen what is due until then; returns early when `until` says so. */
  run(end: number, until: () => boolean = () => false): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#removeFirst();
      this.now = next.at;
      if (next.run === null) continue;
      this.steps++;
      next.run();
      if (until()) return;
    }
    this.now = end;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    let parent = 0;
    for (;;) {
      const [left, right] = [2 * parent + 1, 2 * parent + 2];
      const child = this.#isBefore(right, left) ? right : left;
      if (!this.#swapIfBefore(child, parent)) return;
      parent = child;
    }
  }

  #swapIfBefore(child: number, parent: number): boolean {
    if (!this.#isBefore(child, parent)) return false;
    const [a, b] = [this.#heap[child], this.#heap[parent]];
    if (a === undefined || b === undefined) return false;
    this.#heap[child] = b;
    this.#heap[parent] = a;
    return true;
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]];
    if (a === undefined || b === undefined) return a !== undefined;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }
}
