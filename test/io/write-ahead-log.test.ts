/** The write-ahead log in front of LMDB: what a crash, a torn write or a foreign file leaves. */
import { describe, expect, test } from 'bun:test';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createStore, openStore } from '../../src/engine/io/lmdb/lmdb-store.ts';
import type { Store, Write } from '../../src/engine/io/store.ts';
import { encodeFrame } from '../../src/engine/io/wal/wal-frame.ts';
import { withWriteAheadLog } from '../../src/engine/io/wal/wal-store.ts';
import { randomWrites } from './random-writes.ts';
import { bytes, seededRandom } from './samples.ts';
import { contents, failure, memoryDirectory } from './scratch.ts';

const root = memoryDirectory();
let next = 0;

/** Where a server's two files are. */
interface Place {
  readonly directory: string;
  readonly database: string;
  readonly log: string;
}

function place(): Place {
  next += 1;
  const directory = join(root, String(next));
  mkdirSync(directory);
  return { directory, database: join(directory, 'lm.mdb'), log: join(directory, 'lm.wal') };
}

async function create(at = place()): Promise<Place> {
  await (await createStore(at.directory, at.database)).close();
  return at;
}

async function open({ directory, database, log }: Place): Promise<Store> {
  const store = await openStore(directory, database);
  try {
    return withWriteAheadLog(store, directory, log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** What a crash at this moment leaves on the disk. */
function crashed({ database, log }: Place): Place {
  const at = place();
  copyFileSync(database, at.database);
  copyFileSync(log, at.log);
  return at;
}

function put(key: string, value: string): Write {
  return { key: bytes(key), value: bytes(value) };
}

/** The records that a server finds when it starts there. */
async function found(at: Place, prefix = 'k'): Promise<{ records: string[]; transaction: number }> {
  const store = await open(at);
  try {
    return { records: contents(store, prefix), transaction: store.transaction };
  } finally {
    await store.close();
  }
}

/** Where the transactions of a log end: the first is where the last log began, or its head. */
function ends(log: string): number[] {
  const file = readFileSync(log);
  const all = [4_096];
  for (let at = 4_096; ; ) {
    const length = file.readUInt32LE(at);
    if (length === 0) return all;
    at += 8 + length;
    all.push(at);
  }
}

describe('after a crash', () => {
  test('all that was committed is there, and the numbers go on', async () => {
    const at = await create();
    const store = await open(at);
    const before = store.transaction;
    store.commit([put('k1', 'one'), put('k2', 'two')]);
    store.commit([{ key: bytes('k1'), value: null }, put('k3', '')]);
    const left = crashed(at);
    await store.close();
    const expected = { records: ['k2=two', 'k3='], transaction: before + 2 };
    expect(await found(left)).toEqual(expected);
    expect(await found(left)).toEqual(expected);
    expect(await found(at)).toEqual(expected);
  });

  test('a torn transaction is not there, and nothing else is missing', async () => {
    const at = await create();
    const store = await open(at);
    store.commit([put('k1', 'one')]);
    store.commit([put('k2', 'two'), put('k3', 'three')]);
    const left = crashed(at);
    await store.close();
    const whole = readFileSync(left.log);
    const [, first = 0, second = 0] = ends(left.log);
    for (let end = first; end < second; end++) {
      const torn = crashed(left);
      const file = Buffer.from(whole);
      file.fill(0, end);
      writeFileSync(torn.log, file);
      expect((await found(torn)).records).toEqual(['k1=one']);
    }
    expect((await found(left)).records).toEqual(['k1=one', 'k2=two', 'k3=three']);
  });

  test('a torn transaction whose value looks like another one is torn all the same', async () => {
    const at = await create();
    const store = await open(at);
    const value = Buffer.alloc(100);
    const number = store.transaction + 2;
    encodeFrame(value, 0, { seed: 0, number, writes: [put('k2', 'forged')] });
    store.commit([put('k1', 'one')]);
    store.commit([{ key: bytes('k2'), value }]);
    const left = crashed(at);
    await store.close();
    const file = readFileSync(left.log);
    file.fill(0xff, (ends(left.log).at(-1) ?? 0) - 1).fill(0, ends(left.log).at(-1));
    writeFileSync(left.log, file);
    expect((await found(left)).records).toEqual(['k1=one']);
  });

  test('what stood in the log before it was emptied does not come back', async () => {
    const at = await create();
    const store = await open(at);
    for (let number = 0; number < 20; number++) store.commit([put('k', `old ${number}`)]);
    expect(contents(store)).toEqual(['k=old 19']);
    store.commit([put('k', 'new')]);
    const left = crashed(at);
    await store.close();
    expect((await found(left)).records).toEqual(['k=new']);
  });

  test('a log that was emptied just before it crashed is taken for what it is', async () => {
    const at = await create();
    const store = await open(at);
    store.commit([put('k', 'one')]);
    expect(store.get(bytes('k'))).not.toBeNull();
    const left = crashed(at);
    await store.close();
    expect((await found(left)).records).toEqual(['k=one']);
  });

  test('random commits, read back from time to time, crashes at any moment', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = seededRandom(seed);
      const model = new Map<string, string>();
      let at = await create();
      let store = await open(at);
      for (let round = 0; round < 60; round++) {
        const writes = randomWrites(random, 1 + Math.floor(random() * 40));
        // Larger than the log now and then, and often enough for it to fill several times.
        if (random() < 0.1) writes.push(put('kbig', 'x'.repeat(random() * 2_000_000)));
        const transaction = store.commit(writes);
        for (const { key, value } of writes) {
          const name = Buffer.from(key).toString('latin1');
          if (value === null) model.delete(name);
          else model.set(name, Buffer.from(value).toString('latin1'));
        }
        if (random() < 0.8) continue;
        if (random() < 0.5) store.get(bytes('k'));
        const left = crashed(at);
        await store.close();
        at = left;
        store = await open(at);
        expect(store.transaction).toBe(transaction);
        const records = [...store.scan(bytes('k'))].map(([key, value]) => [
          Buffer.from(key).toString('latin1'),
          Buffer.from(value).toString('latin1'),
        ]);
        expect(new Map(records as [string, string][])).toEqual(model);
      }
      await store.close();
    }
  }, 60_000);
});

test('its writes are on the disk when they return: the system is asked for that', async () => {
  const at = await create();
  const store = await open(at);
  const held = readdirSync('/proc/self/fd').filter((descriptor) => {
    const link = `/proc/self/fd/${descriptor}`;
    return existsSync(link) && readlinkSync(link) === at.log;
  });
  expect(held).toHaveLength(1);
  const flags = /flags:\s+([0-7]+)/.exec(readFileSync(`/proc/self/fdinfo/${held[0]}`, 'utf8'));
  expect(Number.parseInt(flags?.[1] ?? '', 8) & constants.O_DSYNC).toBe(constants.O_DSYNC);
  await store.close();
});

describe('a log that is not to be trusted is named, and nothing is changed', () => {
  async function left(): Promise<Place> {
    const at = await create();
    const store = await open(at);
    for (const name of ['k1', 'k2', 'k3']) store.commit([put(name, 'value')]);
    const crash = crashed(at);
    await store.close();
    return crash;
  }

  test('one in which a transaction is damaged that others follow', async () => {
    const whole = await left();
    const [head = 0, first = 0, second = 0] = ends(whole.log);
    for (let at = head; at < second; at += 3) {
      const damaged = crashed(whole);
      const file = readFileSync(damaged.log);
      file[at] = (file[at] ?? 0) ^ 0x10;
      writeFileSync(damaged.log, file);
      const database = readFileSync(damaged.database);
      const error = await failure(() => open(damaged));
      expect([error.code, error.message]).toEqual(['bad-data', `${damaged.log} is damaged.`]);
      expect(readFileSync(damaged.log)).toEqual(file);
      expect(readFileSync(damaged.database)).toEqual(database);
    }
    expect(first).toBeGreaterThan(head);
  });

  test('one that goes on later than the database ends, which was set back alone', async () => {
    const at = await create();
    const store = await open(at);
    store.commit([put('k', 'one')]);
    const early = crashed(at);
    expect(store.get(bytes('k'))).not.toBeNull();
    store.commit([put('k', 'two')]);
    copyFileSync(at.log, early.log);
    await store.close();
    expect((await failure(() => open(early))).message).toBe(`${early.log} is damaged.`);
  });

  test('one that is missing, cut, empty, or of another database', async () => {
    const whole = await left();
    const other = await left();
    const damages: ((log: string) => void)[] = [
      (log) => rmSync(log),
      (log) => writeFileSync(log, readFileSync(log).subarray(0, -1)),
      (log) => writeFileSync(log, ''),
      (log) => writeFileSync(log, Buffer.alloc(readFileSync(log).length)),
      (log) => copyFileSync(other.log, log),
    ];
    for (const damage of damages) {
      const damaged = crashed(whole);
      damage(damaged.log);
      expect((await failure(() => open(damaged))).code).toBe('bad-data');
    }
    expect((await found(whole)).records).toHaveLength(3);
  });
});

describe('a clean end', () => {
  test('leaves a database that is whole without its log', async () => {
    const at = await create();
    const store = await open(at);
    store.commit([put('k', 'v')]);
    await store.close();
    expect(existsSync(at.log)).toBe(true);
    rmSync(at.log);
    const database = await openStore(at.directory, at.database);
    expect(contents(database)).toEqual(['k=v']);
    await database.close();
    expect((await found(at)).records).toEqual(['k=v']);
  });

  test('is none for a transaction that failed: nothing of it is there', async () => {
    const at = await create();
    const store = await open(at);
    store.commit([put('k', 'v')]);
    const tooLong = { key: bytes('k'.repeat(5_000)), value: null };
    expect(() => store.commit([tooLong])).toThrow('LMDB takes the key');
    await store.close();
    expect((await found(at)).records).toEqual(['k=v']);
  });
});
