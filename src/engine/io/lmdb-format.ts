/**
 * How an LMDB file lies on disk (its data version 2), as far as a check must know it. A page starts
 * with its number (8 bytes), its transaction (8), padding (2), flags (2), and where its free space
 * begins and ends (2 and 2, counted from the end of this header). Offsets of nodes follow (2 each);
 * the nodes themselves fill the page from its end. Integers are in the machine's own byte order.
 */
import { fstatSync, readSync } from 'node:fs';

/** What is wrong with a database file: a clause that has the file as its subject. */
export class Damage extends Error {}

export const PAGE_HEADER_BYTES = 24;
export const NODE_HEADER_BYTES = 8;
/** What a leaf node holds in place of a big value: first page, transaction, number of pages. */
export const BIG_VALUE_BYTES = 24;

export const BRANCH_PAGE = 1;
export const LEAF_PAGE = 2;
export const OVERFLOW_PAGE = 4;
const META_PAGE = 8;

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const META_BYTES = 136;
const PAGE_BYTES_MIN = 4096;
const PAGE_BYTES_MAX = 65536;
const WINDOW_BYTES = 1024 * 1024;
/** LMDB's own stack of pages: a deeper tree can't be read. */
const DEPTH_MAX = 32;
const NO_PAGE = 0xffffffffffffffffn;

export interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Null where the tree is empty. */
  readonly root: number | null;
}

/** A snapshot of the database: one of the two headers. */
interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly free: Tree;
  readonly main: Tree;
}

/** Pages in a buffer: the same bytes as 8-bit and as 16-bit numbers. */
export interface PageWindow {
  readonly bytes: Buffer;
  readonly words: Uint16Array;
}

/** A database file that is open for the check. */
export class PageFile {
  readonly pageBytes: number;
  /** Whole pages that the file has. */
  readonly pages: number;
  readonly meta: Meta;
  readonly #descriptor: number;
  readonly #window: PageWindow;

  /** Reads the headers. Throws Damage where they aren't those of a database. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    const { size } = fstatSync(descriptor);
    if (size === 0) throw new Damage('is empty');
    const first = this.#readMeta(0);
    this.pageBytes = first.pageBytes;
    this.pages = Math.floor(size / this.pageBytes);
    const second = this.#readMeta(this.pageBytes);
    this.meta = newest(first, second);
    if (this.meta.lastPage >= 2 * this.pages + PAGE_BYTES_MIN) {
      throw new Damage(`is cut short: ${this.pages} of ${this.meta.lastPage + 1} pages are there`);
    }
    this.#window = pageWindow(Math.max(WINDOW_BYTES, this.pageBytes));
  }

  #readMeta(offset: number): Meta {
    const buffer = Buffer.alloc(PAGE_HEADER_BYTES + META_BYTES);
    const read = readSync(this.#descriptor, buffer, 0, buffer.length, offset);
    if (read < buffer.length) throw new Damage('is cut short: a header is missing');
    return parseMeta(buffer, offset === 0 ? 0 : 1);
  }

  /** A copy of one page, to keep. */
  page(number: number): PageWindow {
    const window = pageWindow(this.pageBytes);
    this.#read(window.bytes, number);
    return window;
  }

  /** Visits pages in the order of the file, many to a read: `start` is where one begins. */
  visit(sorted: readonly number[], visitor: (window: PageWindow, start: number) => void): void {
    const { bytes } = this.#window;
    const span = Math.floor(bytes.length / this.pageBytes);
    let base = Number.NEGATIVE_INFINITY;
    for (const number of sorted) {
      if (number >= base + span) {
        base = number;
        const count = Math.min(span, this.pages - base);
        this.#read(bytes.subarray(0, count * this.pageBytes), base);
      }
      visitor(this.#window, (number - base) * this.pageBytes);
    }
  }

  #read(target: Buffer, page: number): void {
    const position = page * this.pageBytes;
    const read = readSync(this.#descriptor, target, 0, target.length, position);
    if (read < target.length) throw new Damage(`is cut short: page ${page} is missing`);
  }
}

function pageWindow(bytes: number): PageWindow {
  const buffer = Buffer.from(new ArrayBuffer(bytes));
  return { bytes: buffer, words: new Uint16Array(buffer.buffer) };
}

function parseMeta(page: Buffer, parity: number): Meta {
  const meta = page.subarray(PAGE_HEADER_BYTES);
  const pageBytes = meta.readUInt32LE(24);
  if ((page.readUInt16LE(18) & META_PAGE) === 0 || meta.readUInt32LE(0) !== MAGIC) {
    throw new Damage('is no database, or its header is damaged');
  }
  if (meta.readUInt32LE(4) !== DATA_VERSION) throw new Damage('is a database of another kind');
  const isPower = (pageBytes & (pageBytes - 1)) === 0;
  if (!isPower || pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) {
    throw new Damage(`has pages of ${pageBytes} bytes`);
  }
  const transaction = count(meta, 128);
  if (transaction !== 0 && transaction % 2 !== parity) throw new Damage('has a damaged header');
  return {
    pageBytes,
    lastPage: count(meta, 120),
    transaction,
    free: parseTree(meta, 24),
    main: parseTree(meta, 72),
  };
}

function parseTree(meta: Buffer, offset: number): Tree {
  const depth = meta.readUInt16LE(offset + 6);
  const root = meta.readBigUInt64LE(offset + 40);
  if (depth > DEPTH_MAX) throw new Damage('has a damaged header');
  if ((root === NO_PAGE) !== (depth === 0)) throw new Damage('has a damaged header');
  return {
    flags: meta.readUInt16LE(offset + 4),
    depth,
    branchPages: count(meta, offset + 8),
    leafPages: count(meta, offset + 16),
    overflowPages: count(meta, offset + 24),
    entries: count(meta, offset + 32),
    root: root === NO_PAGE ? null : count(meta, offset + 40),
  };
}

/** LMDB alternates between the headers, so they are one transaction apart. */
function newest(first: Meta, second: Meta): Meta {
  const apart = Math.abs(first.transaction - second.transaction);
  const fresh = first.transaction === 0 && second.transaction === 0;
  if (first.pageBytes !== second.pageBytes || (apart !== 1 && !fresh)) {
    throw new Damage('has two headers that contradict each other');
  }
  return first.transaction >= second.transaction ? first : second;
}

function count(buffer: Buffer, offset: number): number {
  const value = buffer.readBigUInt64LE(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Damage('has a damaged header');
  return Number(value);
}
