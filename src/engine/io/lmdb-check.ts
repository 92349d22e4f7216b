/**
 * Reads a database file before LMDB maps it. LMDB trusts its file: a page that a disk garbled or a
 * copy cut short makes it read or write outside the map, and the process dies by a signal. So this
 * walks every page in use once, as few bytes of each as it takes to know that LMDB can: page
 * numbers, bounds, order of keys, no page used twice, none used and free. What the values hold is
 * the business of record-frame.ts.
 */
import { closeSync, openSync } from 'node:fs';
import {
  BIG_VALUE_BYTES,
  BRANCH_PAGE,
  Damage,
  LEAF_PAGE,
  NODE_HEADER_BYTES,
  OVERFLOW_PAGE,
  PAGE_HEADER_BYTES,
  PageFile,
  type PageWindow,
  type Tree,
} from './lmdb-format.ts';

const BIG_VALUE = 1;
/** The tree of free pages has integer keys, and its flags carry the environment's. */
const INTEGER_KEYS = 8;
const KEY_FLAGS = 0x7f;

const FREE = 1;
const USED = 2;

/** Why LMDB must not open the file at `path`, or null where it may. */
export function findDamage(path: string): string | null {
  const descriptor = openSync(path, 'r');
  try {
    const check = new Check(new PageFile(descriptor));
    check.run();
    return null;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** A key in a buffer that stays. */
interface Key {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A page of a tree, and the keys it may hold: from `low` up to, not including, `high`. */
interface Span {
  readonly page: number;
  readonly low: Key | null;
  readonly high: Key | null;
}

class Check {
  readonly #file: PageFile;
  readonly #state: Uint8Array;
  /** Pairs: the first page of a free range, and how many. */
  readonly #freeRanges: number[] = [];
  #overflowPages = 0;
  #entries = 0;

  constructor(file: PageFile) {
    this.#file = file;
    this.#state = new Uint8Array(Math.max(file.pages, file.meta.lastPage + 1));
  }

  run(): void {
    const { main, free } = this.#file.meta;
    if ((main.flags & KEY_FLAGS) !== 0) throw new Damage('is a database of another kind');
    if ((free.flags & KEY_FLAGS) !== INTEGER_KEYS) throw new Damage('has a damaged header');
    this.#checkTree(main, compareBytes, this.#visitMainValue);
    this.#checkTree(free, compareIntegers, this.#visitFreeValue);
    this.#checkFreeRanges();
  }

  #checkTree(tree: Tree, compare: CompareKeys, visit: VisitValue): void {
    this.#overflowPages = 0;
    this.#entries = 0;
    let branchPages = 0;
    let level: Span[] = tree.root === null ? [] : [{ page: tree.root, low: null, high: null }];
    for (let depth = tree.depth; depth > 1; depth -= 1) {
      branchPages += level.length;
      level = level.flatMap((span) => this.#children(span, compare));
    }
    for (const span of level) this.#use(span.page, 1);
    level.sort((a, b) => a.page - b.page);
    let index = 0;
    this.#file.visit(
      level.map((span) => span.page),
      (window, start) => {
        const span = level[index];
        index += 1;
        if (span !== undefined) this.#checkLeaf(window, start, span, compare, visit);
      },
    );
    const agrees =
      branchPages === tree.branchPages &&
      level.length === tree.leafPages &&
      this.#overflowPages === tree.overflowPages &&
      this.#entries === tree.entries;
    if (!agrees) throw new Damage('has a header that does not count what the file holds');
  }

  #children({ page, low, high }: Span, compare: CompareKeys): Span[] {
    this.#use(page, 1);
    const window = this.#file.page(page);
    const { words, bytes } = window;
    const nodes = this.#checkPage(window, 0, page, BRANCH_PAGE);
    const spans: Span[] = [];
    let room = 0;
    let previous = low;
    for (let index = 0; index < nodes; index += 1) {
      const node = this.#node(window, 0, index, page);
      const at = node >> 1;
      const keyBytes = words[at + 3] ?? 0;
      const start = node + NODE_HEADER_BYTES;
      room += even(NODE_HEADER_BYTES + keyBytes);
      if (start + keyBytes > bytes.length) throw outside(page);
      const child =
        (words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 16 + (words[at + 2] ?? 0) * 2 ** 32;
      if (index === 0) {
        spans.push({ page: child, low, high });
        continue;
      }
      const key = { bytes, start, end: start + keyBytes };
      if (keyBytes === 0 || !inOrder(previous, key, compare)) throw disorder(page);
      const left = spans[index - 1];
      if (left !== undefined) spans[index - 1] = { ...left, high: key };
      spans.push({ page: child, low: key, high });
      previous = key;
    }
    if (high !== null && previous !== null && !inOrder(previous, high, compare))
      throw disorder(page);
    this.#checkRoom(window, 0, page, room);
    return spans;
  }

  #checkLeaf(
    window: PageWindow,
    base: number,
    span: Span,
    compare: CompareKeys,
    visit: VisitValue,
  ): void {
    const { words, bytes } = window;
    const { page, low, high } = span;
    const nodes = this.#checkPage(window, base, page, LEAF_PAGE);
    const pageEnd = base + this.#file.pageBytes;
    let room = 0;
    let previousStart = 0;
    let previousEnd = 0;
    for (let index = 0; index < nodes; index += 1) {
      const node = this.#node(window, base, index, page);
      const at = node >> 1;
      const valueBytes = (words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 16;
      const flags = words[at + 2] ?? 0;
      const keyStart = node + NODE_HEADER_BYTES;
      const keyEnd = keyStart + (words[at + 3] ?? 0);
      const stored = flags === BIG_VALUE ? BIG_VALUE_BYTES : valueBytes;
      if (flags > BIG_VALUE) throw new Damage(`has a record of another kind on page ${page}`);
      if (keyEnd === keyStart || keyEnd + stored > pageEnd) throw outside(page);
      room += even(keyEnd - node + stored);
      if (index > 0) {
        if (compare(bytes, previousStart, previousEnd, bytes, keyStart, keyEnd) >= 0) {
          throw disorder(page);
        }
      } else if (low !== null) {
        if (compare(low.bytes, low.start, low.end, bytes, keyStart, keyEnd) > 0)
          throw disorder(page);
      }
      previousStart = keyStart;
      previousEnd = keyEnd;
      visit(window, keyEnd, valueBytes, flags === BIG_VALUE);
    }
    if (
      high !== null &&
      compare(bytes, previousStart, previousEnd, high.bytes, high.start, high.end) >= 0
    ) {
      throw disorder(page);
    }
    this.#checkRoom(window, base, page, room);
    this.#entries += nodes;
  }

  /** The header of a page of a tree: the number of its nodes. */
  #checkPage({ words, bytes }: PageWindow, base: number, page: number, kind: number): number {
    const at = base >> 1;
    const lower = words[at + 10] ?? 0;
    const upper = words[at + 11] ?? 0;
    if ((words[at + 9] ?? 0) !== kind || bytes.readUIntLE(base, 6) !== page) {
      throw new Damage(`has a damaged page ${page}`);
    }
    if (bytes.readUIntLE(base + 8, 6) > this.#file.meta.transaction) {
      throw new Damage(`has a page ${page} from the future`);
    }
    const room = this.#file.pageBytes - PAGE_HEADER_BYTES;
    if (lower % 2 !== 0 || lower > upper || upper > room || lower === 0) throw outside(page);
    return lower >> 1;
  }

  /** Where a node begins. */
  #node({ words }: PageWindow, base: number, index: number, page: number): number {
    const offset = words[(base + PAGE_HEADER_BYTES + 2 * index) >> 1] ?? 0;
    const upper = words[(base >> 1) + 11] ?? 0;
    const last = this.#file.pageBytes - PAGE_HEADER_BYTES - NODE_HEADER_BYTES;
    if (offset % 2 !== 0 || offset < upper || offset > last) throw outside(page);
    return base + PAGE_HEADER_BYTES + offset;
  }

  /** Nodes lie side by side up to the end of the page: together they are as long as that. */
  #checkRoom({ words }: PageWindow, base: number, page: number, room: number): void {
    const upper = words[(base >> 1) + 11] ?? 0;
    if (room !== this.#file.pageBytes - PAGE_HEADER_BYTES - upper) throw outside(page);
  }

  readonly #visitMainValue: VisitValue = (window, start, valueBytes, big) => {
    if (big) this.#useOverflow(window, start, valueBytes);
  };

  readonly #visitFreeValue: VisitValue = (window, start, valueBytes, big) => {
    if (!big) return this.#readFreeList(window.bytes.subarray(start, start + valueBytes));
    const first = this.#useOverflow(window, start, valueBytes);
    const list = Buffer.allocUnsafe(valueBytes);
    const pages = Array.from(
      { length: overflowPages(valueBytes, this.#file.pageBytes) },
      (_, index) => first + index,
    );
    let filled = 0;
    for (const page of pages) {
      const from = filled === 0 ? PAGE_HEADER_BYTES : 0;
      filled += this.#file.page(page).bytes.copy(list, filled, from);
    }
    this.#readFreeList(list);
  };

  /** A value on pages of its own: its first page. */
  #useOverflow({ bytes }: PageWindow, start: number, valueBytes: number): number {
    const first = bytes.readUIntLE(start, 6);
    const pages = bytes.readUIntLE(start + 16, 6);
    const needed = overflowPages(valueBytes, this.#file.pageBytes);
    if (pages < needed || pages > this.#file.pages)
      throw new Damage('has a record of wrong length');
    this.#use(first, pages);
    this.#overflowPages += pages;
    const header = this.#file.page(first);
    const agrees =
      header.bytes.readUIntLE(0, 6) === first &&
      header.words[9] === OVERFLOW_PAGE &&
      header.bytes.readUInt32LE(20) === pages;
    if (!agrees) throw new Damage(`has a damaged page ${first}`);
    return first;
  }

  /** A count, then that many words: a page, or a range as its negative length and first page. */
  #readFreeList(list: Buffer): void {
    if (list.length < 8 || list.length % 8 !== 0)
      throw new Damage('has a damaged list of free pages');
    const last = Number(list.readBigUInt64LE(0));
    if (last > list.length / 8 - 1) throw new Damage('has a damaged list of free pages');
    for (let index = 1; index <= last; index += 1) {
      let entry = Number(list.readBigInt64LE(8 * index));
      let length = 1;
      if (entry === 0) continue;
      if (entry < 0) {
        length = -entry;
        index += 1;
        if (index > last) throw new Damage('has a damaged list of free pages');
        entry = Number(list.readBigInt64LE(8 * index));
      }
      this.#freeRanges.push(entry, length);
    }
  }

  /** After both trees are known: a free page must be one that neither uses. */
  #checkFreeRanges(): void {
    const { lastPage } = this.#file.meta;
    for (let index = 0; index < this.#freeRanges.length; index += 2) {
      const first = this.#freeRanges[index] ?? 0;
      const end = first + (this.#freeRanges[index + 1] ?? 0);
      if (first < 2 || end > lastPage + 1) throw new Damage('has a damaged list of free pages');
      for (let page = first; page < end; page += 1) {
        if (this.#state[page] !== 0) throw new Damage(`has a page ${page} that is free and in use`);
        this.#state[page] = FREE;
      }
    }
  }

  #use(first: number, pages: number): void {
    const end = first + pages;
    if (first < 2 || end > this.#file.meta.lastPage + 1) {
      throw new Damage(`refers to a page ${first} that is none`);
    }
    if (end > this.#file.pages) throw new Damage(`is cut short: page ${end - 1} is missing`);
    for (let page = first; page < end; page += 1) {
      if (this.#state[page] !== 0) throw new Damage(`uses page ${page} twice`);
      this.#state[page] = USED;
    }
  }
}

/** Negative, 0 or positive, as the first key is lower, the same or higher. */
type CompareKeys = (
  a: Buffer,
  aStart: number,
  aEnd: number,
  b: Buffer,
  bStart: number,
  bEnd: number,
) => number;

type VisitValue = (window: PageWindow, start: number, valueBytes: number, big: boolean) => void;

const compareBytes: CompareKeys = (a, aStart, aEnd, b, bStart, bEnd) => {
  const shared = Math.min(aEnd - aStart, bEnd - bStart);
  for (let index = 0; index < shared; index += 1) {
    const difference = (a[aStart + index] ?? 0) - (b[bStart + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
};

const compareIntegers: CompareKeys = (a, aStart, aEnd, b, bStart, bEnd) => {
  if (aEnd - aStart !== 8 || bEnd - bStart !== 8) throw new Damage('has a key of wrong length');
  const difference = a.readBigUInt64LE(aStart) - b.readBigUInt64LE(bStart);
  return difference < 0n ? -1 : Number(difference > 0n);
};

function inOrder(low: Key | null, high: Key, compare: CompareKeys): boolean {
  if (low === null) return true;
  return compare(low.bytes, low.start, low.end, high.bytes, high.start, high.end) < 0;
}

function overflowPages(valueBytes: number, pageBytes: number): number {
  return Math.floor((PAGE_HEADER_BYTES - 1 + valueBytes) / pageBytes) + 1;
}

function even(bytes: number): number {
  return (bytes + 1) & ~1;
}

function outside(page: number): Damage {
  return new Damage(`has a page ${page} whose contents lie outside it`);
}

function disorder(page: number): Damage {
  return new Damage(`has a page ${page} whose keys are out of order`);
}
