/** A full, a read-only and a forbidden disk. Most need root, to mount a small file system. */
import { describe, expect, test } from 'bun:test';
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataDirectory, prepareDataDirectory } from '../../src/engine/io/data-directory.ts';
import { bytes, SAMPLE } from './samples.ts';
import {
  contents,
  failure,
  mount,
  mountedDirectory,
  runScript,
  scratchDirectory,
} from './scratch.ts';

const small = mountedDirectory('size=2m');
const mounted = small !== null;
const place = small ?? '';
const filler = join(place, 'filler');

/** Leaves not one free byte. */
function fillDisk(): void {
  expect(() => writeFileSync(filler, Buffer.alloc(4 * 1024 * 1024))).toThrow('ENOSPC');
}

function emptyDisk(): void {
  for (const file of readdirSync(place)) rmSync(join(place, file), { recursive: true });
}

const reason = mounted ? '' : ' (skipped: needs the right to mount)';

describe.skipIf(!mounted)(`on a small disk${reason}`, () => {
  test('preparing on a full one says so and leaves nothing behind', async () => {
    emptyDisk();
    fillDisk();
    const error = await failure(() => prepareDataDirectory(join(place, 'data'), SAMPLE));
    expect(error.code).toBe('config');
    expect(error.message).toContain('no space is left');
    expect(readdirSync(place)).toEqual(['filler']);
  });

  test('a server that fills it loses nothing, and goes on once there is room', async () => {
    emptyDisk();
    const directory = join(place, 'data');
    await prepareDataDirectory(directory, SAMPLE);
    const ran = await runScript('commit-numbers.ts', [directory, '3000']);
    expect(ran.stderr).toContain('no space is left on the disk');
    expect(ran).toMatchObject({ code: 78, signal: null });
    const acknowledged = ran.stdout.trim().split('\n').length;
    expect(acknowledged).toBeGreaterThan(50);
    expect(mount(['-o', 'remount,size=6m', place])).toBe(true);
    const opened = await openDataDirectory(directory);
    expect(contents(opened.store)).toHaveLength(acknowledged);
    opened.store.commit([{ key: bytes('k'), value: Buffer.alloc(100_000) }]);
    await opened.close();
    emptyDisk();
    expect(mount(['-o', 'remount,size=2m', place])).toBe(true);
  });

  test('a server that starts on a full one is no victim of a signal', async () => {
    emptyDisk();
    const directory = join(place, 'data');
    await prepareDataDirectory(directory, SAMPLE);
    rmSync(join(directory, 'lm.mdb-lock'));
    fillDisk();
    const ran = await runScript('commit-numbers.ts', [directory, '3000']);
    expect(ran).toMatchObject({ code: 78, signal: null, stdout: '' });
    expect(ran.stderr).toContain('no space is left');
    rmSync(filler);
    const opened = await openDataDirectory(directory);
    expect(opened.server).toBe('A');
    await opened.close();
  });

  test('a full disk with room in the database is no hindrance', async () => {
    emptyDisk();
    const directory = join(place, 'data');
    await prepareDataDirectory(directory, SAMPLE);
    const before = await openDataDirectory(directory);
    before.store.commit([{ key: bytes('k1'), value: Buffer.alloc(50_000) }]);
    before.store.commit([{ key: bytes('k1'), value: null }]);
    await before.close();
    fillDisk();
    const opened = await openDataDirectory(directory);
    opened.store.commit([{ key: bytes('k2'), value: bytes('v') }]);
    expect(contents(opened.store)).toEqual(['k2=v']);
    await opened.close();
  });

  test('a read-only one is named', async () => {
    emptyDisk();
    const directory = join(place, 'data');
    await prepareDataDirectory(directory, SAMPLE);
    expect(mount(['-o', 'remount,ro', place])).toBe(true);
    const opening = await failure(() => openDataDirectory(directory));
    const preparing = await failure(() => prepareDataDirectory(join(place, 'other'), SAMPLE));
    mount(['-o', 'remount,rw', place]);
    for (const error of [opening, preparing]) {
      expect(error.code).toBe('config');
      expect(error.message).toContain('read-only');
    }
  });
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`as another user${isRoot ? '' : ' (skipped: needs root)'}`, () => {
  const OTHER = 65_534;
  const mine = scratchDirectory();
  const closed = scratchDirectory();

  /** Runs with another user's rights: a process of root's may do anything. */
  async function asOther(action: () => Promise<unknown>) {
    process.seteuid?.(OTHER);
    try {
      return await failure(action);
    } finally {
      process.seteuid?.(0);
    }
  }

  test('a directory of a different owner is not opened', async () => {
    const directory = join(mine, 'data');
    await prepareDataDirectory(directory, SAMPLE);
    const error = await asOther(() => openDataDirectory(directory));
    expect(error.code).toBe('config');
    expect(error.message).toContain('permission denied');
    expect(error.hint).toContain('the user that owns the directory');
  });

  test('nothing is prepared where the user may not write', async () => {
    chmodSync(closed, 0o755);
    const error = await asOther(() => prepareDataDirectory(join(closed, 'data'), SAMPLE));
    expect(error.code).toBe('config');
    expect(error.message).toContain('permission denied');
    expect(readdirSync(closed)).toEqual([]);
  });
});
