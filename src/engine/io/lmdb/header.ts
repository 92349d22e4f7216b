/**
 * The two headers of an LMDB file (its data version 2), on its first two pages. A transaction
 * writes the header that the one before did not, so one of them always tells of a whole snapshot.
 * Integers are little endian, as on every machine that lm is built for.
 */
import { Damage } from './damage.ts';

/** Page 0 or 1, as far as the header goes. */
export const HEADER_PAGE_BYTES = 24 + 136;

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const HEADER_PAGE = 8;
const PAGE_BYTES_MIN = 4096;
const PAGE_BYTES_MAX = 65536;
/** LMDB's own stack of pages: a deeper tree can't be read. */
const DEPTH_MAX = 32;
const NO_PAGE = 0xffffffffffffffffn;
/**
 * The tree of free pages has integer keys (8), and carries the environment's flags: no directory of
 * its own (0x4000), as the store opens it. LMDB believes what the first header says of these, even
 * where it reads by the second.
 */
const FREE_TREE_FLAGS = 0x4008;
const MAIN_TREE_FLAGS = 0;

/** A B-tree of pages: `depth` levels of branch pages with one level of leaf pages below. */
export interface Tree {
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Null where the tree is empty. */
  readonly root: number | null;
}

/** A snapshot of the database. */
export interface Header {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  /** The pages that may be written over, by the transaction that freed them. */
  readonly free: Tree;
  /** The records. */
  readonly main: Tree;
}

/** Reads the header on page 0 or 1, given the start of that page. */
export function parseHeader(page: Buffer, number: 0 | 1): Header {
  const pageBytes = page.readUInt32LE(48);
  if (page.readUInt16LE(18) !== HEADER_PAGE || page.readUInt32LE(24) !== MAGIC) {
    throw new Damage('is no database, or its header is damaged');
  }
  const isOurs =
    page.readUInt32LE(28) === DATA_VERSION &&
    page.readUInt16LE(52) === FREE_TREE_FLAGS &&
    page.readUInt16LE(100) === MAIN_TREE_FLAGS;
  if (!isOurs) throw new Damage('is a database of another kind, or its header is damaged');
  const isPower = (pageBytes & (pageBytes - 1)) === 0;
  if (!isPower || pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) throw damaged();
  const transaction = integer(page, 152);
  if (transaction !== 0 && transaction % 2 !== number) throw damaged();
  return {
    pageBytes,
    lastPage: integer(page, 144),
    transaction,
    free: parseTree(page, 48),
    main: parseTree(page, 96),
  };
}

function parseTree(page: Buffer, offset: number): Tree {
  const depth = page.readUInt16LE(offset + 6);
  const isEmpty = page.readBigUInt64LE(offset + 40) === NO_PAGE;
  if (depth > DEPTH_MAX || isEmpty !== (depth === 0)) throw damaged();
  return {
    depth,
    branchPages: integer(page, offset + 8),
    leafPages: integer(page, offset + 16),
    overflowPages: integer(page, offset + 24),
    entries: integer(page, offset + 32),
    root: isEmpty ? null : integer(page, offset + 40),
  };
}

/** The header to read by. They are one transaction apart, unless nothing was ever written. */
export function newest(first: Header, second: Header): Header {
  const apart = Math.abs(first.transaction - second.transaction);
  const isNew = first.transaction === 0 && second.transaction === 0;
  if (first.pageBytes !== second.pageBytes || (apart !== 1 && !isNew)) {
    throw new Damage('has two headers that contradict each other');
  }
  return first.transaction >= second.transaction ? first : second;
}

function integer(page: Buffer, offset: number): number {
  const value = page.readBigUInt64LE(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged();
  return Number(value);
}

function damaged(): Damage {
  return new Damage('has a damaged header');
}
