import { Damage } from './damage.ts';

const USED = 1;
const FREE = 2;
/** Pages 0 and 1 are the headers. */
const PAGE_MIN = 2;

/** Which pages are in use and which are free: none may be both, or one of them twice. */
export class PageUse {
  readonly #pages: number;
  readonly #lastPage: number;
  readonly #state: Uint8Array;
  readonly #free: { readonly first: number; readonly pages: number }[] = [];

  /** For a file of so many `pages`, whose last page ever written is `lastPage`. */
  constructor(pages: number, lastPage: number) {
    this.#pages = pages;
    this.#lastPage = lastPage;
    this.#state = new Uint8Array(lastPage + 1);
  }

  use(first: number, pages: number): void {
    const end = first + pages;
    if (first < PAGE_MIN || end > this.#lastPage + 1) {
      throw new Damage(`refers to a page ${first} that is none`);
    }
    if (end > this.#pages) throw new Damage(`is cut short: page ${end - 1} is missing`);
    for (let page = first; page < end; page += 1) {
      if (this.#state[page] !== 0) throw new Damage(`uses page ${page} twice`);
      this.#state[page] = USED;
    }
  }

  /**
   * Remembers the free pages of a list: a count, then that many 64-bit integers, each a page or 0,
   * or the negative length of a range with its first page next.
   */
  free(list: Buffer): void {
    if (list.length < 8 || list.length % 8 !== 0) throw damagedList();
    const last = Number(list.readBigUInt64LE(0));
    if (last > list.length / 8 - 1) throw damagedList();
    for (let index = 1; index <= last; index += 1) {
      const entry = Number(list.readBigInt64LE(8 * index));
      if (entry > 0) this.#free.push({ first: entry, pages: 1 });
      if (entry >= 0) continue;
      index += 1;
      if (index > last) throw damagedList();
      this.#free.push({ first: Number(list.readBigInt64LE(8 * index)), pages: -entry });
    }
  }

  /** Once all uses are known: LMDB will write over what the lists call free. */
  checkFree(): void {
    for (const { first, pages } of this.#free) {
      const end = first + pages;
      if (first < PAGE_MIN || end > this.#lastPage + 1) throw damagedList();
      for (let page = first; page < end; page += 1) {
        if (this.#state[page] === USED) throw new Damage(`has a page ${page} in use and free`);
        if (this.#state[page] === FREE) throw damagedList();
        this.#state[page] = FREE;
      }
    }
  }
}

function damagedList(): Damage {
  return new Damage('has a damaged list of free pages');
}
