/** Memory is identity: who was set back is known by what the others saw of it (DESIGN section 5). */
import { expect, test } from 'bun:test';
import { PeerMemory } from '../../src/engine/pool/peer-memory.ts';
import { readStarts, STARTS_KEPT, type Start, withStart } from '../../src/engine/starts.ts';
import { Records } from './server.ts';

/** A server's disk: what it says of itself, and an image to be set back to. */
class Disk {
  boot = 0;
  transaction = 0;
  earlier: Start[] = [];
  start = 0;
  /** The last transaction as this start began. */
  begun = 0;

  constructor(of?: Disk) {
    if (of !== undefined) Object.assign(this, of, { earlier: [...of.earlier] });
  }

  static #starts = 0;

  starts(): this {
    if (this.boot > 0) {
      this.earlier = withStart(this.earlier, [this.boot, this.start, this.begun]);
    }
    this.boot += 1;
    this.start = ++Disk.#starts;
    this.transaction += 1;
    this.begun = this.transaction;
    return this;
  }

  get greeting() {
    const { boot, start, earlier } = this;
    return { boot, start, transaction: this.begun, earlier, uptimeMs: 0 };
  }
}

function greets(memory: PeerMemory, disk: Disk): boolean {
  return memory.greeted('B', disk.greeting);
}

test('a server that goes on from what was seen of it is heard, however often it started', () => {
  const memory = new PeerMemory(new Records());
  const disk = new Disk().starts();
  expect(greets(memory, disk)).toBe(true);
  disk.transaction += 50;
  memory.reported('B', disk.boot, disk.transaction);
  for (const unseen of [0, 1, 7, STARTS_KEPT + 20]) {
    for (let starts = 0; starts <= unseen; starts++) disk.starts();
    expect(greets(memory, disk)).toBe(true);
    expect(greets(memory, disk)).toBe(true);
  }
});

test('one that was set back is refused, also where it counted further since, unseen', () => {
  for (const unseen of [1, 2, 5, 30]) {
    const memory = new PeerMemory(new Records());
    const disk = new Disk().starts();
    const image = new Disk(disk);
    disk.transaction += 10;
    disk.starts();
    expect(greets(memory, disk)).toBe(true);
    for (let starts = 0; starts < unseen; starts++) image.starts();
    expect([unseen, greets(memory, image)]).toEqual([unseen, false]);
    image.transaction += 100;
    image.starts();
    expect([unseen, greets(memory, image)]).toEqual([unseen, false]);
    expect(memory.isRefused('B')).toBe(true);
    expect(greets(memory, disk)).toBe(true);
  }
});

test('one that was set back within its last start is refused, too', () => {
  const memory = new PeerMemory(new Records());
  const disk = new Disk().starts();
  expect(greets(memory, disk)).toBe(true);
  disk.transaction += 10;
  const image = new Disk(disk);
  disk.transaction += 10;
  memory.reported('B', disk.boot, disk.transaction);
  image.starts();
  image.transaction += 100;
  image.starts();
  expect(greets(memory, image)).toBe(false);
  expect(greets(memory, disk.starts())).toBe(true);
});

test('starts that make no sense end the list', () => {
  expect(
    readStarts([
      [2, 5, 9],
      [1, 'x', 3],
      [0, 1, 2],
    ]),
  ).toEqual([[2, 5, 9]]);
  expect(readStarts([[2, 5, 9, 'later'], 7])).toEqual([[2, 5, 9]]);
  for (const nothing of [undefined, null, 7, {}, [[]], [[1.5, 2, 3]]]) {
    expect(readStarts(nothing)).toEqual([]);
  }
  const many = Array.from({ length: STARTS_KEPT + 5 }, (_, at): Start => [at, at, at]);
  expect(readStarts(many)).toHaveLength(STARTS_KEPT);
});
