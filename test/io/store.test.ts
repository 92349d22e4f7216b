import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createStore, openStore } from '../../src/engine/io/lmdb/lmdb-store.ts';
import type { Store, Write } from '../../src/engine/io/store.ts';
import { bytes, contents, failure, scratchDirectory, seededRandom } from './scratch.ts';

const directory = scratchDirectory();
let next = 0;
const opened: Store[] = [];

function newPath(): string {
  next += 1;
  return join(directory, `${next}.mdb`);
}

async function create(path = newPath()): Promise<Store> {
  const store = await createStore(directory, path);
  opened.push(store);
  return store;
}

async function open(path: string): Promise<Store> {
  const store = await openStore(directory, path);
  opened.push(store);
  return store;
}

function put(key: string, value: string): Write {
  return { key: bytes(key), value: bytes(value) };
}

function remove(key: string): Write {
  return { key: bytes(key), value: null };
}

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

describe('commit', () => {
  test('writes, replaces and deletes, and another opening finds it', async () => {
    const path = newPath();
    const store = await create(path);
    store.commit([put('k1', 'one'), put('k2', 'two'), put('k3', 'three')]);
    store.commit([put('k2', 'TWO'), remove('k3'), remove('never there')]);
    expect(contents(store)).toEqual(['k1=one', 'k2=TWO']);
    await store.close();
    expect(contents(await open(path))).toEqual(['k1=one', 'k2=TWO']);
  });

  test('numbers its transactions from one, also after another opening', async () => {
    const path = newPath();
    const store = await create(path);
    expect(store.transaction).toBe(0);
    expect(store.commit([put('k', 'v')])).toBe(1);
    expect(store.commit([])).toBe(2);
    await store.close();
    const again = await open(path);
    expect(again.transaction).toBe(2);
    expect(again.commit([put('k', 'w')])).toBe(3);
    expect(again.transaction).toBe(3);
  });

  test('takes the last of several writes of one key', async () => {
    const store = await create();
    store.commit([put('k', 'a'), remove('k'), put('k', 'b'), put('k', 'c')]);
    expect(contents(store)).toEqual(['k=c']);
  });

  test('writes nothing of a transaction that fails, and nothing after it', async () => {
    const path = newPath();
    const store = await create(path);
    store.commit([put('k1', 'one')]);
    expect(() => store.commit([put('k2', 'two'), put('k'.repeat(5_000), 'too long')])).toThrow();
    expect(store.transaction).toBe(1);
    expect(() => store.commit([put('k3', 'three')])).toThrow('after a transaction that failed');
    await store.close();
    const again = await open(path);
    expect(contents(again)).toEqual(['k1=one']);
    expect(again.transaction).toBe(1);
  });

  test('leaves what it was given as it was', async () => {
    const store = await create();
    const write = put('k', 'value');
    store.commit([write]);
    expect(write).toEqual(put('k', 'value'));
  });

  test('makes files that only their owner can read', async () => {
    const path = newPath();
    await create(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-lock`).mode & 0o777).toBe(0o600);
  });
});

describe('get and scan', () => {
  test('get finds a value, an empty one, or null', async () => {
    const store = await create();
    store.commit([put('k', 'v'), put('empty', '')]);
    expect(store.get(bytes('k'))).toEqual(Buffer.from('v'));
    expect(store.get(bytes('empty'))).toHaveLength(0);
    expect(store.get(bytes('other'))).toBeNull();
  });

  test('a scan is in key order and of one prefix', async () => {
    const store = await create();
    const keys = ['j\xff', 'k', 'k\x00', 'ka', 'k\xff', 'k\xff\xff', 'l', 'a'];
    store.commit(keys.map((key) => ({ key: Buffer.from(key, 'latin1'), value: bytes('v') })));
    const found = [...store.scan(bytes('k'))].map(([key]) => Buffer.from(key).toString('latin1'));
    expect(found).toEqual(['k', 'k\x00', 'ka', 'k\xff', 'k\xff\xff']);
  });

  test('a scan of the last space ends at the end', async () => {
    const store = await create();
    const key = Uint8Array.of(0xff, 0xff, 7);
    store.commit([{ key, value: bytes('v') }, put('k', 'v')]);
    expect([...store.scan(Uint8Array.of(0xff, 0xff))]).toEqual([
      [Buffer.from(key), Buffer.from('v')],
    ]);
    expect([...store.scan(Uint8Array.of(0xfe, 0xff))]).toEqual([]);
  });

  test('a scan shows what was there when it began', async () => {
    const store = await create();
    store.commit([put('k1', 'one'), put('k2', 'two'), put('k3', 'three')]);
    const seen: string[] = [];
    for (const [key] of store.scan(bytes('k'))) {
      seen.push(Buffer.from(key).toString());
      if (seen.length === 1) store.commit([remove('k2'), put('k4', 'four')]);
    }
    expect(seen).toEqual(['k1', 'k2', 'k3']);
    expect(contents(store)).toEqual(['k1=one', 'k3=three', 'k4=four']);
  });

  test('a scan that is broken off holds nothing back', async () => {
    const store = await create();
    store.commit([put('k1', 'one'), put('k2', 'two')]);
    for (const _ of store.scan(bytes('k'))) break;
    store.commit([put('k1', 'ONE')]);
    expect(contents(store)).toEqual(['k1=ONE', 'k2=two']);
  });

  test('what was read stays as it was, whatever is read and written later', async () => {
    const store = await create();
    const sizes = [0, 1, 100, 3_000, 40_000, 400_000];
    store.commit(
      sizes.map((size) => ({ key: bytes(`k${size}`), value: Buffer.alloc(size, size) })),
    );
    const kept = [...store.scan(bytes('k'))];
    const got = sizes.map((size) => [bytes(`k${size}`), store.get(bytes(`k${size}`))] as const);
    for (let round = 0; round < 20; round += 1) {
      store.commit(sizes.map((size) => ({ key: bytes(`k${size}`), value: Buffer.alloc(size, 1) })));
      for (const _ of store.scan(bytes('k'))) store.get(bytes('k400000'));
    }
    await store.close();
    Bun.gc(true);
    expect(kept).toHaveLength(sizes.length);
    for (const [key, value] of [...kept, ...got]) {
      const size = Number(Buffer.from(key).toString().slice(1));
      expect(Buffer.from(value ?? [7]).equals(Buffer.alloc(size, size))).toBe(true);
    }
  });

  test('as much as a model holds, through many transactions and openings', async () => {
    const path = newPath();
    const random = seededRandom(11);
    const model = new Map<string, string>();
    let store = await create(path);
    for (let round = 0; round < 60; round += 1) {
      const writes = Array.from({ length: 40 }, () => {
        const key = `k${Math.floor(random() * 400)}`;
        const value = random() < 0.4 ? null : 'x'.repeat(Math.floor(random() * 300));
        if (value === null) model.delete(key);
        else model.set(key, value);
        return { key: bytes(key), value: value === null ? null : bytes(value) };
      });
      store.commit(writes);
      if (round % 20 === 19) {
        await store.close();
        store = await open(path);
        const keys = [...model.keys()].sort();
        expect(contents(store)).toEqual(keys.map((key) => `${key}=${model.get(key)}`));
      }
    }
  });
});

test('a database grows by itself', async () => {
  const store = await create();
  const value = Buffer.alloc(4 * 1024 * 1024, 1);
  for (let index = 0; index < 20; index += 1) store.commit([{ key: bytes(`k${index}`), value }]);
  expect([...store.scan(bytes('k'))]).toHaveLength(20);
});

test('what stands in the place of the database is named', async () => {
  const path = newPath();
  mkdirSync(path);
  const error = await failure(() => openStore(directory, path));
  expect(error.code).toBe('bad-data');
  expect(error.message).toContain(path);
  expect((await failure(() => openStore(directory, newPath()))).code).toBe('config');
});
