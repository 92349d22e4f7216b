/** One damage for each thing that check.ts looks at; database-check.test.ts has the random ones. */
import { beforeAll, describe, expect, test } from 'bun:test';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findDamage } from '../../src/engine/io/lmdb/check.ts';
import { createStore } from '../../src/engine/io/lmdb/lmdb-store.ts';
import { PAGE_BYTES, RawDatabase, type RawNode } from './raw-database.ts';
import { bytes, memoryDirectory } from './scratch.ts';

const directory = memoryDirectory();
const base = join(directory, 'base.mdb');
const copy = join(directory, 'copy.mdb');
const BIG_BYTES = 10_000;

/** Three levels of pages, one value on pages of its own, and free pages. */
beforeAll(async () => {
  const store = await createStore(directory, base);
  const keys = Array.from({ length: 1_200 }, (_, index) => {
    return bytes(`k${String(index).padStart(300, '0')}`);
  });
  store.commit(keys.map((key) => ({ key, value: bytes('v'.repeat(90)) })));
  store.commit([{ key: bytes('k-big'), value: Buffer.alloc(BIG_BYTES, 1) }]);
  store.commit(keys.slice(900).map((key) => ({ key, value: null })));
  await store.close();
  const raw = new RawDatabase(base);
  expect(raw.main.map((level) => level.length)).toEqual([
    1,
    expect.any(Number),
    expect.any(Number),
  ]);
  expect(findDamage(base)).toBeNull();
});

/** What the check says after `change`. */
function after(change: (raw: RawDatabase) => void): string | null {
  const raw = new RawDatabase(base);
  change(raw);
  writeFileSync(copy, raw.content);
  return findDamage(copy);
}

function found<Item>(item: Item | undefined): Item {
  if (item === undefined) throw new Error('the sample database has none of these');
  return item;
}

function leaf(raw: RawDatabase, index = 3): number {
  return found(raw.main[2]?.at(index));
}

function node(raw: RawDatabase, page: number, index: number): RawNode {
  return found(raw.nodes(page).at(index));
}

function bigNode(raw: RawDatabase): RawNode {
  const all = (raw.main[2] ?? []).flatMap((page) => raw.nodes(page));
  return found(all.find(({ flags }) => flags === 1));
}

function swap(content: Buffer, one: number, other: number): void {
  const kept = content.readUInt16LE(one);
  content.writeUInt16LE(content.readUInt16LE(other), one);
  content.writeUInt16LE(kept, other);
}

describe.each([
  ['leaf', 2],
  ['branch', 1],
  ['root', 0],
] as const)('the start of a %s', (_name, level) => {
  const page = (raw: RawDatabase): number => found(raw.main[level]?.at(0));

  test('each byte of its number', () => {
    for (let index = 0; index < 8; index += 1) {
      const why = after((raw) => {
        const at = page(raw) * PAGE_BYTES + index;
        raw.content[at] = (raw.content[at] ?? 0) ^ 0x10;
      });
      expect(why).toMatch(/has a damaged page/);
    }
  });

  test('a transaction that has not been, in any byte', () => {
    for (let index = 1; index < 8; index += 1) {
      const why = after((raw) => {
        raw.content[page(raw) * PAGE_BYTES + 8 + index] = 0x70;
      });
      expect(why).toMatch(/has a damaged page/);
    }
  });

  test('its kind', () => {
    for (const kind of [0, 1, 2, 4, 8, 0x42, 0x4002]) {
      if (kind === (level === 2 ? 2 : 1)) continue;
      const set = (raw: RawDatabase) =>
        raw.content.writeUInt16LE(kind, page(raw) * PAGE_BYTES + 18);
      expect(after(set)).toMatch(/has a damaged page/);
    }
  });

  test('where its free space begins and ends', () => {
    const set = (offset: number, change: (before: number) => number) => {
      return after((raw) => {
        const at = page(raw) * PAGE_BYTES + offset;
        raw.content.writeUInt16LE(change(raw.content.readUInt16LE(at)), at);
      });
    };
    expect(set(20, () => 0)).toMatch(/outside/);
    expect(set(20, (lower) => lower + 1)).toMatch(/outside/);
    expect(set(20, () => 4_090)).toMatch(/outside/);
    expect(set(20, (lower) => lower - 2)).toMatch(/outside|order/);
    expect(set(22, (upper) => upper - 2)).toMatch(/outside/);
    expect(set(22, (upper) => upper + 2)).toMatch(/outside/);
    expect(set(22, () => 5_000)).toMatch(/outside/);
  });
});

describe('nodes', () => {
  test('an offset that is odd, before the nodes, or past the page', () => {
    for (const offset of [2_001, 300, 4_066, 0xfffe]) {
      const why = after((raw) => {
        raw.content.writeUInt16LE(offset, node(raw, leaf(raw), 1).pointer);
      });
      expect(why).toMatch(/outside|order/);
    }
  });

  test('an offset before the nodes, at a copy of the node', () => {
    const why = after((raw) => {
      const { content } = raw;
      const page = leaf(raw);
      const start = page * PAGE_BYTES;
      const free = content.readUInt16LE(start + 20);
      const { at, pointer } = node(raw, page, 1);
      const nodeBytes = 8 + 301 + 95 + 1;
      expect(free + nodeBytes).toBeLessThan(content.readUInt16LE(start + 22));
      content.copyWithin(start + 24 + free, at, at + nodeBytes);
      content.writeUInt16LE(free, pointer);
    });
    expect(why).toMatch(/outside/);
  });

  test('a node twice', () => {
    const why = after((raw) => {
      const [first, second] = [node(raw, leaf(raw), 0), node(raw, leaf(raw), 1)];
      raw.content.writeUInt16LE(raw.content.readUInt16LE(first.pointer), second.pointer);
    });
    expect(why).toMatch(/out of order/);
  });

  test('a length of key or value', () => {
    for (const [field, value, why] of [
      [6, 0, /out of order/],
      [6, 303, /outside/],
      [6, 5_000, /outside/],
      [0, 80, /outside/],
      [0, 5_000, /outside/],
      [2, 1, /outside/],
      [4, 2, /another kind/],
      [4, 0x8000, /another kind/],
    ] as const) {
      const set = (raw: RawDatabase) => {
        raw.content.writeUInt16LE(value, node(raw, leaf(raw), 1).at + field);
      };
      expect(after(set)).toMatch(why);
    }
  });
});

describe('nodes that contradict each other', () => {
  test('one past the end of the page, another shorter by as much', () => {
    const why = after((raw) => {
      const nodes = raw.nodes(leaf(raw)).sort((a, b) => a.at - b.at);
      const lengthen = ({ at }: RawNode, bytes: number) => {
        raw.content.writeUInt16LE(raw.content.readUInt16LE(at) + bytes, at);
      };
      lengthen(found(nodes.at(-1)), 10);
      lengthen(found(nodes.at(0)), -10);
    });
    expect(why).toMatch(/outside/);
  });

  test('none at all', () => {
    const why = after((raw) => {
      const start = leaf(raw) * PAGE_BYTES;
      raw.content.writeUInt16LE(0, start + 20);
      raw.content.writeUInt16LE(PAGE_BYTES - 24, start + 22);
    });
    expect(why).toMatch(/outside/);
  });
});

describe('the order of keys', () => {
  test('in a leaf', () => {
    const why = after((raw) => {
      swap(raw.content, node(raw, leaf(raw), 1).pointer, node(raw, leaf(raw), 2).pointer);
    });
    expect(why).toMatch(/out of order/);
  });

  test('in a branch', () => {
    const why = after((raw) => {
      const branch = found(raw.main[1]?.[0]);
      swap(raw.content, node(raw, branch, 2).pointer, node(raw, branch, 3).pointer);
    });
    expect(why).toMatch(/out of order/);
  });

  test('of a leaf and the branch above, at both ends', () => {
    const first = after((raw) => {
      raw.content[node(raw, leaf(raw), 0).at + 8] = 0x01;
    });
    const last = after((raw) => {
      raw.content[node(raw, leaf(raw), -1).at + 8] = 0xff;
    });
    expect(first).toMatch(/out of order/);
    expect(last).toMatch(/out of order/);
  });

  test('of a branch and the branch above, at both ends', () => {
    const second = after((raw) => {
      raw.content[node(raw, found(raw.main[1]?.[1]), 1).at + 8] = 0x01;
    });
    const last = after((raw) => {
      raw.content[node(raw, found(raw.main[1]?.[0]), -1).at + 8] = 0xff;
    });
    expect(second).toMatch(/out of order/);
    expect(last).toMatch(/out of order/);
  });
});

describe('pages', () => {
  test('one used twice', () => {
    const why = after((raw) => {
      const branch = found(raw.main[1]?.[0]);
      const page = raw.content.readUInt32LE(node(raw, branch, 1).at);
      raw.content.writeUInt32LE(page, node(raw, branch, 2).at);
    });
    expect(why).toMatch(/uses page \d+ twice/);
  });

  test('a cycle', () => {
    const why = after((raw) => {
      const root = found(raw.main[0]?.[0]);
      raw.content.writeUInt32LE(root, node(raw, root, 1).at);
    });
    expect(why).toMatch(/uses page \d+ twice/);
  });

  test('one that is none: a header, or past the last', () => {
    for (const page of [0, 1, 1_000_000]) {
      const why = after((raw) => {
        raw.content.writeUInt32LE(page, node(raw, found(raw.main[1]?.[0]), 1).at);
      });
      expect(why).toMatch(/refers to a page \d+ that is none/);
    }
    const far = after((raw) => {
      raw.content.writeUInt16LE(1, node(raw, found(raw.main[1]?.[0]), 1).at + 4);
    });
    expect(far).toMatch(/that is none/);
  });

  test('a last page that the file is far from having', () => {
    const why = after((raw) => raw.content.writeBigUInt64LE(10_000_000n, raw.header + 144));
    expect(why).toMatch(/cut short/);
  });
});

describe('a value on pages of its own', () => {
  test('where it lies, and on how many pages', () => {
    const set = (field: number, value: bigint) => {
      return after((raw) => {
        const { at, keyBytes } = bigNode(raw);
        raw.content.writeBigUInt64LE(value, at + 8 + keyBytes + field);
      });
    };
    expect(set(0, 1n)).toMatch(/that is none/);
    expect(set(0, 2n ** 50n)).toMatch(/that is none/);
    expect(set(16, 1n)).toMatch(/wrong length/);
    expect(set(16, 2n ** 50n)).toMatch(/that is none|wrong length/);
  });

  test('the start of its first page', () => {
    const set = (offset: number, value: number) => {
      return after((raw) => {
        const { at, keyBytes } = bigNode(raw);
        const first = Number(raw.content.readBigUInt64LE(at + 8 + keyBytes));
        raw.content[first * PAGE_BYTES + offset] = value;
      });
    };
    for (const [offset, value] of [
      [0, 1],
      [7, 1],
      [14, 1],
      [18, 2],
      [20, 9],
    ] as const) {
      expect(set(offset, value)).toMatch(/has a damaged page/);
    }
  });

  test('a file without its last page', async () => {
    const path = join(directory, 'big.mdb');
    const store = await createStore(directory, path);
    store.commit([{ key: bytes('k'), value: Buffer.alloc(100_000, 1) }]);
    await store.close();
    expect(findDamage(path)).toBeNull();
    const { content, lastPage } = new RawDatabase(path);
    expect(content.length).toBe((lastPage + 1) * PAGE_BYTES);
    truncateSync(path, content.length - 1);
    expect(findDamage(path)).toMatch(/cut short: page \d+ is missing/);
  });
});

describe('the list of free pages', () => {
  /** Offset of a list: its length, then its entries. */
  function list(raw: RawDatabase): number {
    const { at, keyBytes, flags } = node(raw, found(raw.free.at(-1)?.[0]), -1);
    const value = at + 8 + keyBytes;
    if (flags === 0) return value;
    return Number(raw.content.readBigUInt64LE(value)) * PAGE_BYTES + 24;
  }

  const set = (index: number, value: (raw: RawDatabase) => bigint) => {
    return after((raw) => {
      const at = list(raw);
      expect(raw.content.readBigUInt64LE(at)).toBeGreaterThan(4n);
      raw.content.writeBigInt64LE(value(raw), at + 8 * index);
    });
  };

  test('a page in use', () => {
    expect(set(1, (raw) => BigInt(leaf(raw)))).toMatch(/in use and free/);
    expect(set(1, (raw) => BigInt(found(raw.free.at(-1)?.[0])))).toMatch(/in use and free/);
  });

  test('a page twice', () => {
    const why = after((raw) => {
      const at = list(raw);
      const entries = Array.from({ length: 5 }, (_, index) => {
        return raw.content.readBigInt64LE(at + 8 * (index + 1));
      });
      const page = found(entries.find((entry) => entry > 0n));
      const other = entries.findLastIndex((entry) => entry > 0n && entry !== page);
      raw.content.writeBigInt64LE(page, at + 8 * (other + 1));
    });
    expect(why).toMatch(/list of free pages/);
  });

  test('a header, a page past the last, a range without end, a length that is none', () => {
    expect(set(1, () => 1n)).toMatch(/list of free pages/);
    expect(set(1, (raw) => BigInt(raw.lastPage) + 1n)).toMatch(/list of free pages/);
    expect(set(1, () => -(2n ** 40n))).toMatch(/list of free pages/);
    expect(set(0, () => 100_000n)).toMatch(/list of free pages/);
    expect(set(0, () => -1n)).toMatch(/list of free pages/);
  });

  test('a range whose first page is missing', () => {
    const why = after((raw) => {
      const at = list(raw);
      raw.content.writeBigInt64LE(1n, at);
      raw.content.writeBigInt64LE(-2n, at + 8);
    });
    expect(why).toMatch(/list of free pages/);
  });

  test('a key that is no transaction', () => {
    const why = after((raw) => {
      const page = found(raw.free.at(-1)?.[0]);
      swap(raw.content, node(raw, page, 0).pointer, node(raw, page, -1).pointer);
    });
    expect(why).toMatch(/out of order/);
  });
});
