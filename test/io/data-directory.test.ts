import { describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  openDataDirectory,
  prepareDataDirectory,
  renewDataDirectory,
} from '../../src/engine/io/data-directory.ts';
import { createStore, metaKey, openStore } from '../../src/engine/io/lmdb/lmdb-store.ts';
import { FORMAT_MAX } from '../../src/engine/ledger/format.ts';
import { LedgerState } from '../../src/engine/ledger/state.ts';
import { makeRlf } from '../engine/sample-rlf.ts';
import { bytes, SAMPLE } from './samples.ts';
import {
  contents,
  failure,
  memoryDirectory,
  runScript,
  scratchDirectory,
  spawnScript,
} from './scratch.ts';

const parent = memoryDirectory();
const onDisk = scratchDirectory();
const renewed = () => Promise.resolve(SAMPLE.identity);
let next = 0;

function newName(): string {
  next += 1;
  return join(parent, `data-${next}`);
}

async function prepared(): Promise<string> {
  const directory = newName();
  await prepareDataDirectory(directory, SAMPLE);
  return directory;
}

async function rewrite(directory: string, name: string, value: string | null): Promise<void> {
  const store = await openStore(directory, join(directory, 'lm.mdb'));
  store.commit([{ key: metaKey(name), value: value === null ? null : bytes(value) }]);
  await store.close();
}

/** Waits for the first line that a child prints. */
async function firstLine(child: { readonly stdout: ReadableStream<Uint8Array> }): Promise<string> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return Buffer.from(value ?? [])
    .toString()
    .trim();
}

describe('prepare and open', () => {
  test('a server is who it was prepared to be', async () => {
    const opened = await openDataDirectory(await prepared());
    const { server, pool, founding, identity } = opened;
    expect({ server, pool, founding, identity }).toEqual(SAMPLE);
    await opened.close();
  });

  test('a server may not know its pool yet', async () => {
    const directory = newName();
    await prepareDataDirectory(directory, { ...SAMPLE, pool: null, founding: null });
    const opened = await openDataDirectory(directory);
    expect(opened.pool).toBeNull();
    expect(opened.founding).toBeNull();
    await opened.close();
  });

  test('every opening counts, and what was written stays', async () => {
    const directory = await prepared();
    for (let boot = 1; boot <= 3; boot += 1) {
      const opened = await openDataDirectory(directory);
      expect(opened.boot).toBe(boot);
      expect(opened.store.transaction).toBe(2 * boot);
      expect(contents(opened.store)).toHaveLength(boot - 1);
      opened.store.commit([{ key: bytes(`k${boot}`), value: bytes('v') }]);
      await opened.close();
    }
  });

  test('a directory that is there and empty is taken', async () => {
    const directory = newName();
    mkdirSync(directory, { mode: 0o700 });
    await prepareDataDirectory(directory, SAMPLE);
    await (await openDataDirectory(directory)).close();
  });

  test('only the owner can read what is in it, whatever the umask', async () => {
    const before = process.umask(0);
    const directory = await prepared();
    expect(process.umask(before)).toBe(0);
    const modes = ['.', ...readdirSync(directory)].map((file) => {
      return statSync(join(directory, file)).mode & 0o777;
    });
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
  });
});

describe('refused to prepare', () => {
  test('a directory with anything in it, which stays as it was', async () => {
    const directory = newName();
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'notes'), 'mine');
    const error = await failure(() => prepareDataDirectory(directory, SAMPLE));
    expect(error.code).toBe('config');
    expect(error.message).toContain('is not empty');
    expect(readdirSync(directory)).toEqual(['notes']);
  });

  test('a prepared directory, which stays prepared', async () => {
    const directory = await prepared();
    const other = { ...SAMPLE, server: 'B' };
    expect((await failure(() => prepareDataDirectory(directory, other))).code).toBe('config');
    const opened = await openDataDirectory(directory);
    expect(opened.server).toBe('A');
    await opened.close();
  });

  test('a file, and a path through a file', async () => {
    const file = newName();
    writeFileSync(file, '');
    for (const path of [file, join(file, 'below')]) {
      const error = await failure(() => prepareDataDirectory(path, SAMPLE));
      expect(error.code).toBe('config');
      expect(error.message).toContain('not a directory');
    }
  });

  test('an empty directory that others can reach, which stays empty', async () => {
    const directory = newName();
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    const error = await failure(() => prepareDataDirectory(directory, SAMPLE));
    expect(error.hint).toContain(`chmod 700 ${directory}`);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('refused to open', () => {
  test('a directory that is missing, empty, or not prepared', async () => {
    const missing = newName();
    const empty = newName();
    const other = newName();
    mkdirSync(empty, { mode: 0o700 });
    mkdirSync(other, { mode: 0o700 });
    writeFileSync(join(other, 'notes'), 'mine');
    for (const directory of [missing, empty, other]) {
      const error = await failure(() => openDataDirectory(directory));
      expect(error.code).toBe('config');
      expect(error.hint).toContain('lm server new');
    }
    expect(existsSync(missing)).toBe(false);
    expect(readdirSync(empty)).toEqual([]);
    expect(readdirSync(other)).toEqual(['notes']);
  });

  test.each([0o755, 0o710, 0o702, 0o740])('a directory of mode %o', async (mode) => {
    const directory = await prepared();
    chmodSync(directory, mode);
    const error = await failure(() => openDataDirectory(directory));
    expect(error.code).toBe('config');
    expect(error.message).toContain(mode.toString(8));
    expect(error.hint).toContain(`chmod 700 ${directory}`);
  });

  test('a database cut short, by name and with a way out', async () => {
    const directory = await prepared();
    const file = join(directory, 'lm.mdb');
    writeFileSync(file, (await Bun.file(file).bytes()).subarray(0, 8_192));
    const error = await failure(() => openDataDirectory(directory));
    expect(error.code).toBe('bad-data');
    expect(error.message).toContain(file);
    expect(error.hint).toContain('lm server new');
  });

  test('a database whose preparation did not end, or that is of another program', async () => {
    const directory = newName();
    mkdirSync(directory, { mode: 0o700 });
    const store = await createStore(directory, join(directory, 'lm.mdb'));
    store.commit([{ key: bytes('k'), value: bytes('v') }]);
    await store.close();
    const error = await failure(() => openDataDirectory(directory));
    expect(error.code).toBe('bad-data');
    expect(error.message).toContain('"stamp"');
  });

  test('a directory of a later version', async () => {
    const directory = await prepared();
    await rewrite(directory, 'stamp', JSON.stringify({ ...SAMPLE, format: 2 }));
    const error = await failure(() => openDataDirectory(directory));
    expect(error.code).toBe('config');
    expect(error.message).toContain('later version');
  });

  test('a directory of a pool that has a later format, which stays as it was', async () => {
    const directory = await prepared();
    const opened = await openDataDirectory(directory);
    const { store } = opened;
    const state = LedgerState.found(makeRlf({ servers: ['A'], codes: [] }), FORMAT_MAX + 1);
    const entry = { type: 'format', format: FORMAT_MAX + 1 } as const;
    expect(state.apply({ index: 2, term: 1, entry }, null).valid).toBe(true);
    store.commit(state.takeWrites());
    await opened.close();
    const before = readFileSync(join(directory, 'lm.mdb'));
    for (const open of [openDataDirectory, (path: string) => renewDataDirectory(path, renewed)]) {
      const error = await failure(() => open(directory));
      expect(error).toMatchObject({ code: 'config', details: { format: FORMAT_MAX + 1 } });
      expect(error.message).toContain(directory);
      expect(error.hint).toContain('or a later one');
    }
    expect(readFileSync(join(directory, 'lm.mdb')).equals(before)).toBe(true);
  });

  test.each([
    ['stamp', '{"format":1}'],
    ['stamp', '[]'],
    ['stamp', 'null'],
    ['identity', '{"keyPem":1}'],
    ['identity', null],
    ['boot', '"1"'],
    ['boot', 'not JSON'],
    ['boot', null],
  ])('a record %s that says %p', async (name, value) => {
    const directory = await prepared();
    await rewrite(directory, name, value);
    const error = await failure(() => openDataDirectory(directory));
    expect(error.code).toBe('bad-data');
    expect(error.message).toContain(`"${name}"`);
  });

  test('what was refused is not locked', async () => {
    const directory = await prepared();
    await rewrite(directory, 'boot', null);
    await failure(() => openDataDirectory(directory));
    await rewrite(directory, 'boot', '4');
    const opened = await openDataDirectory(directory);
    expect(opened.boot).toBe(5);
    await opened.close();
  });
});

describe('one server to a directory', () => {
  test('a second process is refused and told the first', async () => {
    const directory = await prepared();
    const holder = spawnScript('hold-directory.ts', [directory]);
    expect(await firstLine(holder)).toBe('open 1');
    const error = await failure(() => openDataDirectory(directory));
    expect(error.code).toBe('config');
    expect(error.message).toContain(`process ${holder.pid}`);
    expect(error.details['pid']).toBe(holder.pid);
    holder.kill('SIGKILL');
    await holder.exited;
    const opened = await openDataDirectory(directory);
    expect(opened.boot).toBe(2);
    await opened.close();
  });

  test('a second opening in one process is refused too, until the first closes', async () => {
    const directory = await prepared();
    const first = await openDataDirectory(directory);
    expect((await failure(() => openDataDirectory(directory))).details['pid']).toBe(process.pid);
    await first.close();
    await (await openDataDirectory(directory)).close();
  });
});

test('a server loads no native code but that of LMDB, wherever it was built', async () => {
  const holder = spawnScript('hold-directory.ts', [await prepared()]);
  await firstLine(holder);
  const maps = readFileSync(`/proc/${holder.pid}/maps`, 'utf8').split('\n');
  holder.kill('SIGKILL');
  await holder.exited;
  const native = maps.filter((line) => line.endsWith('.node'));
  expect(native.length).toBeGreaterThan(0);
  expect(native.filter((line) => !line.includes('@lmdb/'))).toEqual([]);
});

test('a kill -9 loses nothing that was acknowledged', async () => {
  const directory = join(onDisk, 'data');
  await prepareDataDirectory(directory, SAMPLE);
  for (let round = 0; round < 5; round += 1) {
    const child = spawnScript('commit-numbers.ts', [directory, '100']);
    let printed = '';
    for await (const chunk of child.stdout) {
      printed += Buffer.from(chunk);
      if (printed.length > 100 * (round + 1)) child.kill('SIGKILL');
    }
    await child.exited;
    const acknowledged = printed.slice(0, printed.lastIndexOf('\n')).split('\n').length;
    const opened = await openDataDirectory(directory);
    const keys = [...opened.store.scan(bytes('k'))];
    expect(keys.length).toBeGreaterThanOrEqual(acknowledged);
    opened.store.commit(keys.map(([key]) => ({ key, value: null })));
    await opened.close();
  }
});

test('a process that ends by itself needs no close', async () => {
  const directory = await prepared();
  const ran = await runScript('commit-numbers.ts', [directory, '100', '3']);
  expect(ran).toMatchObject({ code: 0, stdout: '0\n1\n2\n', stderr: '' });
  const opened = await openDataDirectory(directory);
  expect(contents(opened.store)).toHaveLength(3);
  await opened.close();
  rmSync(directory, { recursive: true });
});
