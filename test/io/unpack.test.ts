/** Where the executable unpacks the database library, and what stands in its way (STACK). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../commands/run-lm.ts';
import { executable } from '../e2e/executable.ts';
import { scratchDirectory } from './scratch.ts';

const parent = scratchDirectory();
const place = join(parent, 'noexec');
mkdirSync(place);
const mounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'noexec,mode=700', 'tmpfs', place], {
  stdio: ['ignore', 'ignore', 'ignore'],
}).success;
let lm = '';

beforeAll(() => {
  lm = executable();
}, 120_000);

afterAll(() => {
  if (mounted) Bun.spawnSync(['umount', place]);
});

let next = 0;

/** Prepares a data directory below `where`: which opens the database. */
async function prepare(where: string, temporary: string) {
  next += 1;
  const data = join(where, `data-${next}`);
  const args = ['server', 'new', '--data', data, '--name', 'A', '--address', '127.0.0.1:5930'];
  const env = { TMPDIR: temporary, BUN_TMPDIR: temporary };
  const ran = await run([lm, ...args], { env, cwd: parent });
  return { ...ran, data };
}

test.each(['/nonexistent', '/proc', '/dev/null'])(
  'a temporary directory %s is no hindrance',
  async (temporary) => {
    const { code, stderr, data } = await prepare(parent, temporary);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(readdirSync(data).sort()).toEqual(['lm.lock', 'lm.mdb', 'lm.mdb-lock']);
  },
);

test('nor is a data directory named by a relative path', async () => {
  const { code, stderr } = await prepare('', '/nonexistent');
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(existsSync(join(parent, `data-${next}/lm.mdb`))).toBe(true);
});

describe.skipIf(!mounted)(`noexec${mounted ? '' : ' (skipped: needs the right to mount)'}`, () => {
  test('a temporary directory where nothing may run is no hindrance', async () => {
    expect(await prepare(parent, place)).toMatchObject({ code: 0 });
    expect(readdirSync(place).filter((file) => file.includes('.node'))).toEqual([]);
  });

  test('nor is a data directory where nothing may run', async () => {
    const { code, stderr, data } = await prepare(place, parent);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(readdirSync(data).sort()).toEqual(['lm.lock', 'lm.mdb', 'lm.mdb-lock']);
  });

  test.each([place, '/nonexistent'])(
    'both are, and say what to do (TMPDIR=%s)',
    async (temporary) => {
      const { code, stdout, stderr, data } = await prepare(place, temporary);
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(stderr).toContain('set TMPDIR to a directory');
      expect(stderr.trim().split('\n')).toHaveLength(2);
      expect(existsSync(data)).toBe(false);
    },
  );
});
