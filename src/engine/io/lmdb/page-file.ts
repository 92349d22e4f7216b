import { fstatSync, readSync } from 'node:fs';
import { Damage } from './damage.ts';
import { HEADER_PAGE_BYTES, type Header, newest, parseHeader } from './header.ts';

const WINDOW_BYTES = 1024 * 1024;
/** Pages at the end may be free, and then the file may be shorter; but not by so many. */
const MISSING_PAGES_MAX = 4096;

/** Pages in a buffer: the same bytes as 8-bit and as 16-bit numbers. */
export interface PageWindow {
  readonly bytes: Buffer;
  readonly words: Uint16Array;
}

/** The pages of a database file, read, not mapped: a bad disk then is an error, not a signal. */
export class PageFile {
  readonly header: Header;
  /** Whole pages that the file has. */
  readonly pages: number;
  readonly #descriptor: number;
  readonly #window: PageWindow;

  /** Reads the headers. Throws Damage where they aren't those of a database. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    const { size } = fstatSync(descriptor);
    if (size === 0) throw new Damage('is empty');
    const first = this.#readHeader(0, 0);
    const second = this.#readHeader(1, first.pageBytes);
    this.header = newest(first, second);
    const { pageBytes, lastPage } = this.header;
    this.pages = Math.floor(size / pageBytes);
    if (lastPage >= 2 * this.pages + MISSING_PAGES_MAX) {
      throw new Damage(`is cut short: it has ${this.pages} of ${lastPage + 1} pages`);
    }
    this.#window = pageWindow(Math.max(WINDOW_BYTES, pageBytes));
  }

  #readHeader(number: 0 | 1, position: number): Header {
    const buffer = Buffer.alloc(HEADER_PAGE_BYTES);
    const read = readSync(this.#descriptor, buffer, 0, buffer.length, position);
    if (read < buffer.length) throw new Damage('is cut short: a header is missing');
    return parseHeader(buffer, number);
  }

  /** A copy of one page, to keep. */
  page(number: number): PageWindow {
    const window = pageWindow(this.header.pageBytes);
    this.#read(window.bytes, number);
    return window;
  }

  /** Visits pages in the order of the file, many to a read: `base` is where one begins. */
  visit(sorted: readonly number[], visitor: (window: PageWindow, base: number) => void): void {
    const { pageBytes } = this.header;
    const { bytes } = this.#window;
    const span = Math.floor(bytes.length / pageBytes);
    let first = Number.NEGATIVE_INFINITY;
    for (const number of sorted) {
      if (number >= first + span) {
        first = number;
        const count = Math.min(span, this.pages - first);
        this.#read(bytes.subarray(0, count * pageBytes), first);
      }
      visitor(this.#window, (number - first) * pageBytes);
    }
  }

  #read(target: Buffer, page: number): void {
    const position = page * this.header.pageBytes;
    const read = readSync(this.#descriptor, target, 0, target.length, position);
    if (read < target.length) throw new Damage(`is cut short: page ${page} is missing`);
  }
}

function pageWindow(bytes: number): PageWindow {
  const buffer = Buffer.from(new ArrayBuffer(bytes));
  return { bytes: buffer, words: new Uint16Array(buffer.buffer) };
}
