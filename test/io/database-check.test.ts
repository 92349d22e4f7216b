import { beforeAll, describe, expect, test } from 'bun:test';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open as openLmdb } from 'lmdb';
import { findDamage } from '../../src/engine/io/lmdb/check.ts';
import { createStore, openStore } from '../../src/engine/io/lmdb/lmdb-store.ts';
import { randomWrites } from './random-writes.ts';
import { bytes, contents, failure, memoryDirectory, runScript, seededRandom } from './scratch.ts';

const PAGE_BYTES = 4096;
const MARK = 'a value that is easy to find';
const directory = memoryDirectory();
const base = join(directory, 'base.mdb');
const copy = join(directory, 'copy.mdb');

beforeAll(async () => {
  const store = await createStore(directory, base);
  const random = seededRandom(1);
  for (let round = 0; round < 60; round += 1) store.commit(randomWrites(random, 120));
  store.commit([{ key: bytes('k-marked'), value: bytes(MARK) }]);
  await store.close();
});

function damaged(change: (content: Buffer) => Buffer | undefined): string | null {
  const content = readFileSync(base);
  writeFileSync(copy, change(content) ?? content);
  return findDamage(copy);
}

describe('a whole database passes', () => {
  test('as it grows, shrinks, splits pages and frees them, at every step', async () => {
    const path = join(directory, 'growing.mdb');
    const store = await createStore(directory, path);
    expect(findDamage(path)).toBeNull();
    const random = seededRandom(5);
    for (let round = 0; round < 400; round += 1) {
      store.commit(randomWrites(random, round % 100 < 70 ? 60 : 300));
      if (round < 30 || round % 9 === 0) expect(findDamage(path)).toBeNull();
    }
    const all = [...store.scan(bytes('k'))].map(([key]) => ({ key, value: null }));
    store.commit(all);
    expect(findDamage(path)).toBeNull();
    store.commit(randomWrites(random, 300));
    expect(findDamage(path)).toBeNull();
    await store.close();
  });

  test('with three levels of pages and a list of free pages on pages of its own', async () => {
    const path = join(directory, 'deep.mdb');
    const store = await createStore(directory, path);
    const keys = Array.from({ length: 60_000 }, (_, index) => bytes(`k${index}`.padEnd(100, '.')));
    store.commit(keys.map((key) => ({ key, value: key })));
    expect(findDamage(path)).toBeNull();
    store.commit(keys.slice(0, 50_000).map((key) => ({ key, value: null })));
    expect(findDamage(path)).toBeNull();
    store.commit([{ key: bytes('k'), value: bytes('v') }]);
    expect(findDamage(path)).toBeNull();
    await store.close();
  });

  test('while a reader holds old pages back', async () => {
    const path = join(directory, 'held.mdb');
    const store = await createStore(directory, path);
    const random = seededRandom(6);
    for (let round = 0; round < 20; round += 1) {
      store.commit(randomWrites(random, 200));
      for (const _ of store.scan(bytes('k'))) {
        store.commit(randomWrites(random, 100));
        expect(findDamage(path)).toBeNull();
        if (random() < 0.7) break;
      }
    }
    await store.close();
  });
});

describe('refused, and why', () => {
  test('a file cut short at any page, or in one', () => {
    const { length } = readFileSync(base);
    for (let size = 0; size < length; size += PAGE_BYTES / 2) {
      const why = damaged((content) => content.subarray(0, size));
      if (size === 0) expect(why).toBe('is empty');
      else if (size < 2 * PAGE_BYTES) expect(why).toMatch(/cut short/);
      // Free pages at the end are no loss.
      else if (size < length / 2) expect(why).toMatch(/cut short/);
    }
    expect(damaged((content) => content.subarray(0, 100))).toMatch(/cut short/);
  });

  test('a text, and another kind of file', () => {
    expect(damaged(() => Buffer.from('hello\n'))).toMatch(/cut short/);
    expect(damaged(() => Buffer.alloc(100_000, 'text '))).toMatch(/is no database/);
    expect(damaged(() => Buffer.alloc(100_000))).toMatch(/is no database/);
  });

  test('a database of another version, page size or kind of keys', () => {
    for (const page of [0, PAGE_BYTES]) {
      const set = (offset: number, value: number) => {
        return damaged((content) => void content.writeUInt16LE(value, page + offset));
      };
      expect(set(18, 9)).toMatch(/is no database/);
      expect(set(28, 1)).toMatch(/of another kind/);
      expect(set(48, 5_000)).toMatch(/damaged header/);
      expect(set(52, 0x4009)).toMatch(/of another kind/);
      expect(set(100, 4)).toMatch(/of another kind/);
      expect(set(102, 40)).toMatch(/damaged header/);
    }
  });

  test('a named database, as other programs make them', async () => {
    const path = join(directory, 'named.mdb');
    const root = openLmdb({ path, noSubdir: true });
    const named = root.openDB('other', {});
    await named.put('key', 'value');
    await root.close();
    expect(findDamage(path)).toMatch(/of another kind/);
  });

  test('headers that contradict each other', () => {
    for (const page of [0, PAGE_BYTES]) {
      const later = (transactions: bigint) => {
        return damaged((content) => {
          const before = content.readBigUInt64LE(page + 152);
          content.writeBigUInt64LE(before + transactions, page + 152);
          return undefined;
        });
      };
      expect(later(1n)).toMatch(/damaged header/);
      expect(later(4n)).toMatch(/contradict/);
    }
  });

  test('counts in the header that are not those of the file', () => {
    for (const offset of [104, 112, 120, 128]) {
      const why = damaged((content) => {
        for (const page of [0, PAGE_BYTES]) {
          const entries = content.readBigUInt64LE(page + offset);
          content.writeBigUInt64LE(entries + 1n, page + offset);
        }
        return undefined;
      });
      expect(why).toMatch(/does not count/);
    }
  });

  test('openStore names file and directory, and says what to do', async () => {
    copyFileSync(base, copy);
    writeFileSync(copy, readFileSync(base).subarray(0, 3 * PAGE_BYTES));
    const error = await failure(() => openStore(directory, copy));
    expect(error.code).toBe('bad-data');
    expect(error.message).toContain(copy);
    expect(error.hint).toContain('--rejoin');
    expect(error.details['directory']).toBe(directory);
  });

  test('a changed value is found when it is read', async () => {
    const content = readFileSync(base);
    for (let at = content.indexOf(MARK); at >= 0; at = content.indexOf(MARK)) content[at] = 0;
    writeFileSync(copy, content);
    expect(findDamage(copy)).toBeNull();
    const store = await openStore(directory, copy);
    const error = await failure(() => contents(store));
    expect(error.code).toBe('bad-data');
    expect(error.message).toContain('space "k"');
    expect((await failure(() => store.get(bytes('k-marked')))).code).toBe('bad-data');
    await store.close();
  });
});

test('no damage kills the process: what is not refused can be read and written', async () => {
  const damages = process.env['LM_SOAK'] ? 20_000 : 400;
  const folder = join(directory, 'damages');
  mkdirSync(folder);
  copyFileSync(base, join(folder, 'base.mdb'));
  const ran = await runScript('mutate-and-use.ts', [folder, '0', String(damages)]);
  const seed = readFileSync(join(folder, 'seed'), 'utf8');
  expect({ ...ran, seed }).toMatchObject({ code: 0, signal: null });
  const seen = JSON.parse(ran.stdout) as Record<string, number>;
  expect(seen['refused']).toBeGreaterThan(damages / 5);
  expect(seen['badRecord']).toBeGreaterThan(damages / 10);
  expect(seen['used']).toBeGreaterThan(damages / 10);
});
