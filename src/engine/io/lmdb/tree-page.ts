/**
 * One page of a tree, read with suspicion. It starts with its number (8 bytes), the transaction
 * that wrote it (8), padding (2), its kind (2), and where its free space begins and ends (2 and 2,
 * counted from the end of these 24). Offsets of the nodes follow, 2 bytes each, in the order of
 * their keys; the nodes themselves lie side by side up to the end of the page.
 */
import { Damage } from './damage.ts';
import type { PageWindow } from './page-file.ts';

export const BRANCH_PAGE = 1;
export const LEAF_PAGE = 2;
export const OVERFLOW_PAGE = 4;
export const PAGE_START_BYTES = 24;

const NODE_START_BYTES = 8;
/** What a leaf has in place of a big value: its first page, transaction, number of pages. */
const BIG_VALUE_BYTES = 24;
const BIG_VALUE = 1;

export interface PageLimits {
  readonly pageBytes: number;
  /** The last transaction: no page is from a later one. */
  readonly transaction: number;
}

/** One object reads all pages: `open` a page, `seek` each of its nodes, then `finish`. */
export class TreePage {
  nodes = 0;
  /** Of the node that was sought last, offsets in the window. */
  keyStart = 0;
  keyEnd = 0;
  /** Of a node of a branch: the page below. */
  child = 0;
  /** Of a node of a leaf: the value follows the key, or says where it lies. */
  valueBytes = 0;
  isBig = false;

  readonly #limits: PageLimits;
  readonly #kind: number;
  #words: Uint16Array = new Uint16Array(0);
  #base = 0;
  #number = 0;
  #upper = 0;
  #room = 0;

  constructor(limits: PageLimits, kind: typeof BRANCH_PAGE | typeof LEAF_PAGE) {
    this.#limits = limits;
    this.#kind = kind;
  }

  /** Begins with the page `number`, which lies at `base` of the window. */
  open({ words }: PageWindow, base: number, number: number): void {
    const at = base >> 1;
    checkPageStart(words, base, {
      number,
      kind: this.#kind,
      transaction: this.#limits.transaction,
    });
    const lower = words[at + 10] ?? 0;
    this.#upper = words[at + 11] ?? 0;
    this.#number = number;
    if (lower === 0 || lower % 2 !== 0 || lower > this.#upper) throw this.#outside();
    this.#words = words;
    this.#base = base;
    this.#room = 0;
    this.nodes = lower >> 1;
  }

  /** Reads the node `index`; every node is to be read once. */
  seek(index: number): void {
    const words = this.#words;
    const { pageBytes } = this.#limits;
    const offset = words[((this.#base + PAGE_START_BYTES) >> 1) + index] ?? 0;
    const last = pageBytes - PAGE_START_BYTES - NODE_START_BYTES;
    if (offset % 2 !== 0 || offset < this.#upper || offset > last) throw this.#outside();
    const node = this.#base + PAGE_START_BYTES + offset;
    const at = node >> 1;
    const low = (words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 16;
    const high = words[at + 2] ?? 0;
    this.keyStart = node + NODE_START_BYTES;
    this.keyEnd = this.keyStart + (words[at + 3] ?? 0);
    let end = this.keyEnd;
    if (this.#kind === BRANCH_PAGE) {
      this.child = low + high * 2 ** 32;
    } else {
      if (high > BIG_VALUE)
        throw new Damage(`has a record of another kind on page ${this.#number}`);
      this.isBig = high === BIG_VALUE;
      this.valueBytes = low;
      end += this.isBig ? BIG_VALUE_BYTES : low;
    }
    if (end > this.#base + pageBytes) throw this.#outside();
    this.#room += (end - node + 1) & ~1;
  }

  /** The nodes must fill their part of the page, no more and no less. */
  finish(): void {
    const bytes = this.#limits.pageBytes - PAGE_START_BYTES - this.#upper;
    if (this.#room !== bytes) throw this.#outside();
  }

  #outside(): Damage {
    return new Damage(`has a page ${this.#number} whose contents lie outside it`);
  }
}

interface PageStart {
  readonly number: number;
  readonly kind: number;
  readonly transaction: number;
}

/** Throws Damage unless the page at `base` says that it is what was looked for. */
export function checkPageStart(words: Uint16Array, base: number, expected: PageStart): void {
  const { number, kind, transaction } = expected;
  const at = base >> 1;
  const isWhole =
    integer(words, at) === number &&
    integer(words, at + 4) <= transaction &&
    words[at + 9] === kind;
  if (!isWhole) throw new Damage(`has a damaged page ${number}`);
}

/** The 64-bit integer at a word; one too big to be exact is only as good as too big. */
function integer(words: Uint16Array, at: number): number {
  return (
    (words[at] ?? 0) +
    (words[at + 1] ?? 0) * 2 ** 16 +
    (words[at + 2] ?? 0) * 2 ** 32 +
    (words[at + 3] ?? 0) * 2 ** 48
  );
}
