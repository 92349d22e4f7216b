/**
 * Reads a database file before LMDB maps it. LMDB trusts its file: a page that a disk garbled or a
 * copy cut short makes it read or write outside its map, and the process dies by a signal. So this
 * walks every page in use once, reading as little of each as it takes to know that LMDB can: page
 * numbers, bounds, order of keys, no page used twice, none both used and free. A million records
 * take about a fifth of the time that LMDB needs to read them. What the values hold is the business
 * of record-frame.ts.
 */
import { closeSync, openSync } from 'node:fs';
import { Damage } from './damage.ts';
import type { Header, Tree } from './header.ts';
import { type CompareKeys, compareBytes, compareIntegers, type Key } from './key-order.ts';
import { PageFile, type PageWindow } from './page-file.ts';
import { PageUse } from './page-use.ts';
import {
  BRANCH_PAGE,
  checkPageStart,
  LEAF_PAGE,
  OVERFLOW_PAGE,
  PAGE_START_BYTES,
  TreePage,
} from './tree-page.ts';

/** Why LMDB must not open the file at `path`, or null where it may. */
export function findDamage(path: string): string | null {
  const descriptor = openSync(path, 'r');
  try {
    checkFile(new PageFile(descriptor));
    return null;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function checkFile(file: PageFile): void {
  const { main, free, lastPage } = file.header;
  const use = new PageUse(file.pages, lastPage);
  new TreeCheck(file, use, compareBytes, null).run(main);
  new TreeCheck(file, use, compareIntegers, (list) => use.free(list)).run(free);
  use.checkFree();
}

/** A page of a tree, and the keys it may hold: from `low` up to, not including, `high`. */
interface Span {
  readonly page: number;
  readonly low: Key | null;
  readonly high: Key | null;
}

class TreeCheck {
  readonly #file: PageFile;
  readonly #header: Header;
  readonly #use: PageUse;
  readonly #compare: CompareKeys;
  readonly #readValue: ((value: Buffer) => void) | null;
  readonly #branch: TreePage;
  readonly #leaf: TreePage;
  #overflowPages = 0;
  #entries = 0;

  constructor(
    file: PageFile,
    use: PageUse,
    compare: CompareKeys,
    readValue: ((value: Buffer) => void) | null,
  ) {
    this.#file = file;
    this.#header = file.header;
    this.#use = use;
    this.#compare = compare;
    this.#readValue = readValue;
    this.#branch = new TreePage(file.header, BRANCH_PAGE);
    this.#leaf = new TreePage(file.header, LEAF_PAGE);
  }

  /** Level by level down to the leaves, and those in the order of the file: it is read once. */
  run(tree: Tree): void {
    let branchPages = 0;
    let level: Span[] = tree.root === null ? [] : [{ page: tree.root, low: null, high: null }];
    for (let depth = tree.depth; depth > 1; depth -= 1) {
      branchPages += level.length;
      level = level.flatMap((span) => this.#children(span));
    }
    for (const { page } of level) this.#use.use(page, 1);
    const leaves = level.sort((a, b) => a.page - b.page);
    let index = 0;
    this.#file.visit(
      leaves.map(({ page }) => page),
      (window, base) => {
        const span = leaves[index];
        index += 1;
        if (span !== undefined) this.#checkLeaf(window, base, span);
      },
    );
    const agrees =
      branchPages === tree.branchPages &&
      leaves.length === tree.leafPages &&
      this.#overflowPages === tree.overflowPages &&
      this.#entries === tree.entries;
    if (!agrees) throw new Damage('has a header that does not count what the file holds');
  }

  /**
   * The pages below a branch. The key of its first node is not used: that child begins at `low`.
   * That the others ascend need not be checked here: no leaf could lie between two that do not.
   */
  #children({ page, low, high }: Span): Span[] {
    this.#use.use(page, 1);
    const window = this.#file.page(page);
    const branch = this.#branch;
    branch.open(window, 0, page);
    const below: { page: number; low: Key | null }[] = [];
    for (let index = 0; index < branch.nodes; index += 1) {
      branch.seek(index);
      const key = { bytes: window.bytes, start: branch.keyStart, end: branch.keyEnd };
      below.push({ page: branch.child, low: index === 0 ? low : key });
    }
    branch.finish();
    return below.map((span, index) => ({ ...span, high: below[index + 1]?.low ?? high }));
  }

  #checkLeaf(window: PageWindow, base: number, { page, low, high }: Span): void {
    const leaf = this.#leaf;
    const { bytes } = window;
    const compare = this.#compare;
    leaf.open(window, base, page);
    let previousStart = 0;
    let previousEnd = 0;
    for (let index = 0; index < leaf.nodes; index += 1) {
      leaf.seek(index);
      const { keyStart, keyEnd } = leaf;
      if (keyStart === keyEnd) throw disorder(page);
      const descends =
        index === 0
          ? low !== null && compare(low.bytes, low.start, low.end, bytes, keyStart, keyEnd) > 0
          : compare(bytes, previousStart, previousEnd, bytes, keyStart, keyEnd) >= 0;
      if (descends) throw disorder(page);
      previousStart = keyStart;
      previousEnd = keyEnd;
      this.#checkValue(window);
    }
    leaf.finish();
    const reaches =
      high !== null &&
      compare(bytes, previousStart, previousEnd, high.bytes, high.start, high.end) >= 0;
    if (reaches) throw disorder(page);
    this.#entries += leaf.nodes;
  }

  /** Of the leaf's node that was sought last. */
  #checkValue({ bytes }: PageWindow): void {
    const { isBig, keyEnd, valueBytes } = this.#leaf;
    if (isBig) {
      const first = Number(bytes.readBigUInt64LE(keyEnd));
      const pages = Number(bytes.readBigUInt64LE(keyEnd + 16));
      const value = this.#useOverflow(first, pages, valueBytes);
      this.#readValue?.(value());
    } else {
      this.#readValue?.(bytes.subarray(keyEnd, keyEnd + valueBytes));
    }
  }

  /** A value on pages of its own, of which only the first has a start: a way to read it. */
  #useOverflow(first: number, pages: number, valueBytes: number): () => Buffer {
    const needed = Math.floor((PAGE_START_BYTES - 1 + valueBytes) / this.#header.pageBytes) + 1;
    if (pages < needed) throw new Damage('has a record of the wrong length');
    this.#use.use(first, pages);
    this.#overflowPages += pages;
    const start = this.#file.page(first);
    const { transaction } = this.#header;
    checkPageStart(start.words, 0, { number: first, kind: OVERFLOW_PAGE, transaction });
    if (start.bytes.readUInt32LE(20) !== pages) throw new Damage(`has a damaged page ${first}`);
    return () => {
      const parts = [start.bytes.subarray(PAGE_START_BYTES)];
      for (let page = first + 1; page < first + needed; page += 1) {
        parts.push(this.#file.page(page).bytes);
      }
      return Buffer.concat(parts, valueBytes);
    };
  }
}

function disorder(page: number): Damage {
  return new Damage(`has a page ${page} whose keys are out of order`);
}
