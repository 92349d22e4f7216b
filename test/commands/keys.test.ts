import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { Workplace } from './run-lm.ts';

const place = new Workplace();
const SIGN = ['code', 'sign', '--vendor', 'Acme', '--application', 'App', '--version', '1'];
const REST = ['--limit', '5', '--any-customer'];

beforeAll(async () => {
  await place.json(['keys', 'new', 'vendor.key']);
});
afterAll(() => place.remove());

describe('lm keys new', () => {
  test('writes a secret PKCS#8 file and a public line, and prints the latter', async () => {
    const { code, stdout, stderr } = await place.lm(['keys', 'new', 'a.key']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ed25519:[A-Za-z0-9_-]{43}\n$/);
    expect(await place.read('a.key.pub')).toBe(stdout);
    expect(await place.read('a.key')).toStartWith('-----BEGIN PRIVATE KEY-----\n');
    expect(statSync(place.file('a.key')).mode & 0o777).toBe(0o600);
    expect(statSync(place.file('a.key.pub')).mode & 0o777).toBe(0o644);
    expect(stderr).toContain('a.key');
    expect(readdirSync(place.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('--json: files, public key, thumbprint', async () => {
    const document = await place.json(['keys', 'new', 'b.key']);
    expect(Object.keys(document)).toEqual(['file', 'publicFile', 'publicKey', 'thumbprint']);
    expect(`${document['publicKey']}\n`).toBe(await place.read('b.key.pub'));
  });

  test('never overwrites: not the key, not the public key, and then leaves nothing', async () => {
    const before = await place.read('vendor.key');
    expect((await place.lm(['keys', 'new', 'vendor.key'])).code).toBe(78);
    expect(await place.read('vendor.key')).toBe(before);
    await place.write('c.key.pub', 'mine');
    expect((await place.lm(['keys', 'new', 'c.key'])).code).toBe(78);
    expect(await place.read('c.key.pub')).toBe('mine');
    expect(readdirSync(place.path)).not.toContain('c.key');
  });

  test('what can not be written: config; wrong usage: 64', async () => {
    const { code, stdout } = await place.lm(['keys', 'new', 'no/such/dir.key', '--json']);
    expect(code).toBe(78);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'config' } });
    expect((await place.lm(['keys', 'new', 'vendor.key/x'])).code).toBe(78);
    expect((await place.lm(['keys', 'new'])).code).toBe(64);
    expect((await place.lm(['keys', 'new', '-'])).code).toBe(64);
    expect((await place.lm(['keys', 'new', 'x', 'y'])).code).toBe(64);
    expect((await place.lm(['keys', 'new', 'x', '--frob'])).code).toBe(64);
  });
});

describe('private key files', () => {
  test('- reads standard input', async () => {
    const stdin = await place.read('vendor.key');
    const { code, stdout } = await place.lm([...SIGN, ...REST, '--key', '-'], { stdin });
    expect(code).toBe(0);
    expect(stdout).toContain((await place.read('vendor.key.pub')).trim());
  });

  test('one that others can read is refused, with the chmod to run', async () => {
    await place.write('open.key', await place.read('vendor.key'));
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(place.file('open.key'), mode);
      const { code, stderr } = await place.lm([...SIGN, ...REST, '--key', 'open.key']);
      expect(code).toBe(78);
      expect(stderr).toContain('chmod 600 open.key');
    }
    chmodSync(place.file('open.key'), 0o400);
    expect((await place.lm([...SIGN, ...REST, '--key', 'open.key'])).code).toBe(0);
  });

  test('no key, a public key, a directory, nothing there: config, and quotes none of it', async () => {
    mkdirSync(place.file('dir'));
    await place.write('text.key', 'SECRET TEXT');
    chmodSync(place.file('text.key'), 0o600);
    chmodSync(place.file('vendor.key.pub'), 0o600);
    for (const key of ['text.key', 'vendor.key.pub', 'dir', 'missing.key']) {
      const { code, stderr, stdout } = await place.lm([...SIGN, ...REST, '--key', key]);
      expect(code).toBe(78);
      expect(stderr).toContain(key);
      expect(`${stdout}${stderr}`).not.toContain('SECRET');
    }
    const { code } = await place.lm([...SIGN, ...REST, '--key', '-'], {
      stdin: 'x'.repeat(99_999),
    });
    expect(code).toBe(78);
  });
});
