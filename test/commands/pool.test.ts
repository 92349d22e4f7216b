import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { readCard } from '../../src/engine/license/card.ts';
import { readRlf } from '../../src/engine/license/rlf.ts';
import { Workplace } from './run-lm.ts';

const place = new Workplace();
const hosts = (count: number) => Array.from({ length: count }, (_, i) => `127.0.0.1:${5930 + i}`);

beforeAll(async () => {
  await place.json(['pool', 'init', 'cad-east', ...hosts(3)]);
});
afterAll(() => place.remove());

describe('lm pool init', () => {
  test('makes the key, a valid RLF, the card and a data directory for each server', async () => {
    const rlf = readRlf(await place.read('cad-east/pool.toml'));
    expect(rlf).toMatchObject({ sequence: 1, pool: 'cad-east', licenses: [] });
    expect(rlf.servers.map(({ name, address }) => `${name} ${address}`)).toEqual([
      'A 127.0.0.1:5930',
      'B 127.0.0.1:5931',
      'C 127.0.0.1:5932',
    ]);
    expect(`${rlf.admin}\n`).toBe(await place.read('cad-east/admin.key.pub'));
    const { admin, pool, servers } = rlf;
    const card = readCard(await place.read('cad-east/cad-east.pool'));
    expect(card).toEqual({ admin, pool, servers, sequence: 1, epoch: 0 });
    expect(readdirSync(place.file('cad-east/servers')).sort()).toEqual(['A', 'B', 'C']);
    expect(readdirSync(place.path)).toEqual(['cad-east']);
  });

  test('secrets are the owner’s alone, whatever the umask', () => {
    const mode = (name: string) => statSync(place.file(`cad-east/${name}`)).mode & 0o777;
    expect(mode('.')).toBe(0o700);
    expect(mode('admin.key')).toBe(0o600);
    expect(mode('cad-east.pool')).toBe(0o644);
    for (const file of readdirSync(place.file('cad-east/servers/A'))) {
      expect(mode(`servers/A/${file}`) & 0o077).toBe(0);
    }
  });

  test('names, IPv6, the default port, -o, --json', async () => {
    const servers = ['B=host1', '[::1]:99', 'main=h.example.com', 'host2'];
    const made = await place.json(['pool', 'init', 'p.x', ...servers, '-o', 'deep/er']);
    expect(made).toMatchObject({
      pool: 'p.x',
      directory: 'deep/er',
      adminKey: 'deep/er/admin.key',
      rlf: 'deep/er/pool.toml',
      card: 'deep/er/p.x.pool',
      servers: [
        { name: 'B', address: 'host1:5930', data: 'deep/er/servers/B' },
        { name: 'A', address: '[::1]:99' },
        { name: 'main', address: 'h.example.com:5930' },
        { name: 'C', address: 'host2:5930' },
      ],
    });
    expect(existsSync(place.file('deep/er/servers/main'))).toBe(true);
  });

  test.each([
    [1, ''],
    [2, 'no server may fail'],
    [4, 'only 1 of its servers may fail (no more than with 3)'],
    [11, ''],
  ])('%p servers: %p', async (count, warning) => {
    const { code, stderr } = await place.lm(['pool', 'init', `of-${count}`, ...hosts(count)]);
    expect(code).toBe(0);
    if (warning === '') expect(stderr).not.toContain('Warning');
    else expect(stderr).toContain(warning);
  });

  test('an administrator who has a key uses it for a further pool', async () => {
    const key = ['--key', 'cad-east/admin.key'];
    const made = await place.json(['pool', 'init', 'second', ...hosts(1), ...key]);
    expect(made).toMatchObject({ adminKey: null });
    expect(`${made['admin']}\n`).toBe(await place.read('cad-east/admin.key.pub'));
    expect(existsSync(place.file('second/admin.key'))).toBe(false);
  });

  test('a directory that is in use is left as it is; an empty one is taken', async () => {
    const before = await place.read('cad-east/admin.key');
    const { code, stderr } = await place.lm(['pool', 'init', 'cad-east', ...hosts(3)]);
    expect(code).toBe(78);
    expect(stderr).toContain('not empty');
    expect(await place.read('cad-east/admin.key')).toBe(before);
    mkdirSync(place.file('empty'));
    expect((await place.lm(['pool', 'init', 'x', 'host', '-o', 'empty'])).code).toBe(0);
    await place.write('plain', 'a file');
    expect((await place.lm(['pool', 'init', 'x', 'host', '-o', 'plain'])).code).toBe(78);
    expect((await place.lm(['pool', 'init', 'x', 'host', '-o', 'plain/x'])).code).toBe(78);
  });

  test.each([
    ['twelve servers', ['x', ...hosts(12)]],
    ['no server', ['x']],
    ['a name of dots', ['..', 'host']],
    ['a name with a slash', ['a/b', 'host']],
    ['a server named ..', ['x', '..=host']],
    ['a server name with a slash', ['x', 'a/b=host']],
    ['an empty server name', ['x', '=host']],
    ['the same address', ['x', 'host', 'host:5930']],
    ['the same name', ['x', 'S=host1', 's=host2']],
    ['every address', ['x', '0.0.0.0']],
    ['no port', ['x', 'host:']],
    ['bare IPv6', ['x', '::1']],
    ['escapes', ['x', 'h\u001b[2J']],
  ])('%s: wrong usage, and nothing is made', async (_, args) => {
    const { code, stderr } = await place.lm(['pool', 'init', ...args]);
    expect(code).toBe(64);
    expect(stderr).not.toContain('\u001b');
    expect(existsSync(place.file('x'))).toBe(false);
  });
});

describe('lm pool card', () => {
  test('makes the card of an RLF again', async () => {
    const { code, stdout } = await place.lm(['pool', 'card', 'cad-east/pool.toml']);
    expect(code).toBe(0);
    expect(stdout).toBe(await place.read('cad-east/cad-east.pool'));
    const output = ['-o', 'new.pool', '--epoch', '2'];
    await place.lm(['pool', 'card', 'cad-east/pool.toml', ...output]);
    expect(readCard(await place.read('new.pool')).epoch).toBe(2);
    expect((await place.lm(['pool', 'card', 'cad-east/pool.toml', ...output])).code).toBe(78);
    const forced = ['pool', 'card', 'cad-east/pool.toml', ...output, '--force'];
    expect((await place.lm(forced)).code).toBe(0);
  });

  test('another key, an RLF that was changed', async () => {
    await place.json(['keys', 'new', 'other.key']);
    const args = ['pool', 'card', 'cad-east/pool.toml', '--key', 'other.key'];
    expect((await place.lm(args)).code).toBe(76);
    const changed = (await place.read('cad-east/pool.toml')).replace(':5930', ':5999');
    await place.write('changed.toml', changed);
    expect((await place.lm(['pool', 'card', 'changed.toml'])).code).toBe(65);
  });
});

describe('lm server new', () => {
  test('prepares a directory and prints the table for the RLF', async () => {
    const flags = ['--name', 'D', '--address', 'host4'];
    const { code, stdout } = await place.lm(['server', 'new', '--data', 'd', ...flags]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\[\[server\]\]\nname = "D"\naddress = "host4:5930"\nfingerprint = "sha256:[0-9a-f]{64}"\n$/,
    );
    expect(readdirSync(place.file('d')).length).toBeGreaterThan(0);
    expect(statSync(place.file('d')).mode & 0o777).toBe(0o700);
    const again = await place.lm(['server', 'new', '--data', 'd', ...flags]);
    expect(again.code).toBe(78);
    const other = await place.json(['server', 'new', '--data', 'e', ...flags]);
    expect(Object.keys(other)).toEqual(['name', 'address', 'fingerprint']);
  });

  test('wrong usage', async () => {
    const bad = ['--name', 'a b', '--address', 'host'];
    expect((await place.lm(['server', 'new', '--data', 'f', ...bad])).code).toBe(64);
    expect((await place.lm(['server', 'new', '--name', 'a', '--address', 'h'])).code).toBe(64);
    expect(existsSync(place.file('f'))).toBe(false);
  });
});
