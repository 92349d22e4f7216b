/** What happens when: a binary heap by time, ties in the order in which things were scheduled. */
interface Planned {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Schedule {
  now = 0;
  #order = 0;
  readonly #heap: Planned[] = [];

  at(time: number, run: () => void): void {
    this.#order += 1;
    this.#heap.push({ at: Math.max(time, this.now), order: this.#order, run });
    this.#rise(this.#heap.length - 1);
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.now + delayMs, run);
  }

  /** Runs what is planned until `end`, or until `isDone` says so. Returns whether it did. */
  runUntil(end: number, isDone: () => boolean = () => false): boolean {
    for (;;) {
      if (isDone()) return true;
      const [first] = this.#heap;
      if (first === undefined || first.at > end) {
        this.now = end;
        return false;
      }
      this.#removeFirst();
      this.now = first.at;
      first.run();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const parent = (place - 1) >> 1;
      if (!this.#swapIfBefore(place, parent)) return;
      place = parent;
    }
  }

  #sink(from: number): void {
    for (let place = from; ; ) {
      const left = place * 2 + 1;
      const child = this.#isBefore(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfBefore(child, place)) return;
      place = child;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swapIfBefore(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined || !this.#isBefore(one, other)) return false;
    this.#heap[one] = b;
    this.#heap[other] = a;
    return true;
  }
}
