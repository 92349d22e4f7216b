/** The expiry queue against a list that is looked through from end to end. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Expiring, ExpiryQueue } from '../../src/engine/expiry-queue.ts';

const ANY = Number.POSITIVE_INFINITY;

interface Item extends Expiring {
  readonly name: number;
}

type Step =
  | { readonly do: 'add'; readonly inMs: number }
  | { readonly do: 'renew' | 'remove'; readonly which: number; readonly byMs: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'wait for it' };

const which = fc.nat(30);
/** Around bucket edges as often as anywhere. */
const span = fc.oneof(
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0, max: 40 }).map((n) => n * 250),
  fc.double({ min: 0, max: 100_000, noNaN: true }),
);
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), inMs: span }),
  fc.record({ do: fc.constantFrom('renew' as const, 'remove' as const), which, byMs: span }),
  fc.record({ do: fc.constant('wait' as const), ms: span }),
  fc.record({ do: fc.constant('wait for it' as const) }),
);

/** Runs the steps on a queue and on the list. */
class Run {
  readonly #queue = new ExpiryQueue<Item>();
  #list: Item[] = [];
  #names = 0;
  #now = 1_000;

  take(next: Step): void {
    switch (next.do) {
      case 'add':
        this.#add(this.#now + next.inMs);
        return;
      case 'renew':
        this.#at(next.which, (item) => {
          item.deadline += next.byMs;
        });
        return;
      case 'remove':
        this.#at(next.which, (item) => {
          this.#queue.remove(item);
          this.#list = this.#list.filter((other) => other !== item);
        });
        return;
      case 'wait':
        this.#now += next.ms;
        this.#compare();
        return;
      case 'wait for it':
        this.#waitForIt();
        return;
    }
  }

  /** Until all has ended, asking when asked to. */
  drain(): void {
    for (let looks = 0; this.#list.length > 0; looks++) {
      expect(looks).toBeLessThan(10_000);
      this.#waitForIt();
    }
    expect(this.#queue.nextDue).toBeNull();
  }

  #add(deadline: number): void {
    const item: Item = { name: this.#names++, deadline, bucket: -1, slot: -1 };
    this.#queue.add(item);
    this.#list.push(item);
  }

  #at(place: number, change: (item: Item) => void): void {
    const item = this.#list[place % Math.max(1, this.#list.length)];
    if (item !== undefined) change(item);
  }

  #waitForIt(): void {
    const due = this.#queue.nextDue;
    expect(due === null).toBe(this.#list.length === 0);
    if (due === null) return;
    const next = Math.max(due, this.#now);
    // Looking only when asked to must not find anything much later than it ended.
    const first = Math.min(...this.#list.map(({ deadline }) => deadline));
    expect(next).toBeLessThanOrEqual(Math.max(first, this.#now) + 250);
    this.#now = next;
    this.#compare();
  }

  #compare(): void {
    const due = this.#list.filter(({ deadline }) => deadline <= this.#now);
    this.#list = this.#list.filter(({ deadline }) => deadline > this.#now);
    const taken = this.#queue.takeDue(this.#now, ANY);
    expect(taken.map(({ deadline }) => deadline)).toEqual(
      due.map(({ deadline }) => deadline).sort((a, b) => a - b),
    );
    expect(new Set(taken)).toEqual(new Set(due));
  }
}

test('gives back what has ended, in order, and nothing else; asks to be called in time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const run = new Run();
      for (const next of steps) run.take(next);
      run.drain();
    }),
    { numRuns: 300 },
  );
});

test('a day of keys, one a second, ends in order', () => {
  const queue = new ExpiryQueue<Item>();
  const count = 100_000;
  for (let name = 0; name < count; name++) {
    queue.add({ name, deadline: name * 1_000, bucket: -1, slot: -1 });
  }
  const taken = queue.takeDue(50_000_000, ANY);
  expect(taken.map(({ name }) => name)).toEqual(Array.from({ length: 50_001 }, (_, name) => name));
  expect(queue.takeDue(count * 1_000, ANY).length).toBe(count - 50_001);
});

test('what is due stays due for whoever asks later, until it is looked for', () => {
  const queue = new ExpiryQueue<Item>();
  queue.add({ name: 1, deadline: 1_900, bucket: -1, slot: -1 });
  expect(queue.nextDue).toBe(1_000);
  expect(queue.takeDue(1_700, ANY)).toEqual([]);
  expect(queue.nextDue).toBe(1_950);
  expect(queue.nextDue).toBe(1_950);
  expect(queue.takeDue(1_950, ANY)).toHaveLength(1);
});

test('removing twice, or what was taken, is nothing', () => {
  const queue = new ExpiryQueue<Item>();
  const [a, b] = [1, 2].map((name) => ({ name, deadline: 1_500, bucket: -1, slot: -1 }));
  if (a === undefined || b === undefined) throw new Error('there are two');
  queue.add(a);
  queue.add(b);
  queue.remove(a);
  queue.remove(a);
  expect(queue.takeDue(2_000, ANY)).toEqual([b]);
  queue.remove(b);
  expect(queue.nextDue).toBeNull();
});
