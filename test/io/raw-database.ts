/** A database file as bytes, to be damaged on purpose: the layout of tree-page.ts and header.ts. */
import { readFileSync } from 'node:fs';

export const PAGE_BYTES = 4096;
const START_BYTES = 24;

export interface RawNode {
  /** Where its offset stands in the page, and where the node lies: offsets in the file. */
  readonly pointer: number;
  readonly at: number;
  readonly keyBytes: number;
  readonly flags: number;
}

export class RawDatabase {
  readonly content: Buffer;
  /** Offset of the page with the newest header. */
  readonly header: number;

  constructor(path: string) {
    this.content = readFileSync(path);
    const later = this.#integer(PAGE_BYTES + 152) > this.#integer(152);
    this.header = later ? PAGE_BYTES : 0;
  }

  get lastPage(): number {
    return this.#integer(this.header + 144);
  }

  /** The page numbers of the main tree's levels, the root first. */
  get main(): number[][] {
    return this.#levels(96);
  }

  /** The page numbers of the levels of the tree of free pages. */
  get free(): number[][] {
    return this.#levels(48);
  }

  nodes(page: number): RawNode[] {
    const base = page * PAGE_BYTES;
    const count = this.content.readUInt16LE(base + 20) / 2;
    return Array.from({ length: count }, (_, index) => {
      const pointer = base + START_BYTES + 2 * index;
      const at = base + START_BYTES + this.content.readUInt16LE(pointer);
      const keyBytes = this.content.readUInt16LE(at + 6);
      return { pointer, at, keyBytes, flags: this.content.readUInt16LE(at + 4) };
    });
  }

  #levels(tree: number): number[][] {
    const depth = this.content.readUInt16LE(this.header + tree + 6);
    const levels = [[this.#integer(this.header + tree + 40)]];
    while (levels.length < depth) {
      const above = levels.at(-1) ?? [];
      levels.push(
        above.flatMap((page) => this.nodes(page).map(({ at }) => this.content.readUInt32LE(at))),
      );
    }
    return levels;
  }

  #integer(offset: number): number {
    return Number(this.content.readBigUInt64LE(offset));
  }
}
