import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { Workplace } from './run-lm.ts';

const place = new Workplace();
const BASE = ['code', 'sign', '--vendor', 'Acme', '--key', 'vendor.key'];
const APP = ['--application', 'Größe 設計', '--version', '2.1', '--limit', '100'];
let vendorKey = '';
let adminKey = '';

beforeAll(async () => {
  vendorKey = String((await place.json(['keys', 'new', 'vendor.key']))['publicKey']);
  adminKey = String((await place.json(['keys', 'new', 'admin.key']))['publicKey']);
  await place.json(['keys', 'new', 'other.key']);
  const dates = ['--expires', '2027-01-31', '--not-before', '2026-01-01T12:00:00+02:00'];
  const policies = ['--key-lifetime', '2m', '--commuter-days', '30', '--commuter-share', '0.25'];
  await place.json([...BASE, ...APP, '--customer', adminKey, ...dates, ...policies, '-o', 'a.lic']);
});
afterAll(() => place.remove());

describe('lm code sign', () => {
  test('makes a file with vendor, public key and code, which code show reads', async () => {
    const text = await place.read('a.lic');
    expect(text).toContain('name = "Acme"');
    expect(text).toContain(`key = "${vendorKey}"`);
    expect(text).toMatch(/code = "eyJ[^"]+"/);
    const shown = await place.json(['code', 'show', 'a.lic', '--vendor-key', vendorKey]);
    expect(shown).toMatchObject({
      vendor: 'Acme',
      application: 'Größe 設計',
      version: '2.1',
      limit: 100,
      notBefore: '2026-01-01T10:00:00Z',
      expires: '2027-01-31T23:59:59Z',
      keyLifetimeMs: 120_000,
      commuterDays: 30,
      commuterShare: 0.25,
      vendorKey,
      verified: true,
    });
  });

  test('the customer is given as a key or as its file', async () => {
    const byFile = await place.json([...BASE, ...APP, '--customer', 'admin.key.pub']);
    const byKey = await place.json([...BASE, ...APP, '--customer', adminKey]);
    expect(byFile['customer']).toBe(byKey['customer']);
    expect(byFile['id']).not.toBe(byKey['id']);
  });

  test('without -o the file goes to standard output; with --json only the document', async () => {
    const plain = await place.lm([...BASE, ...APP, '--any-customer']);
    expect(plain.stdout).toContain('[[license]]');
    const document = await place.json([...BASE, ...APP, '--any-customer']);
    expect(document).toMatchObject({ customer: null, file: null, vendorKey });
    expect(String(document['code'])).toStartWith('eyJ');
  });

  test('an existing file is replaced with --force only', async () => {
    const sign = [...BASE, ...APP, '--any-customer', '-o', 'twice.lic'];
    expect((await place.lm(sign)).code).toBe(0);
    const before = await place.read('twice.lic');
    expect((await place.lm(sign)).code).toBe(78);
    expect(await place.read('twice.lic')).toBe(before);
    expect((await place.lm([...sign, '--force'])).code).toBe(0);
    expect(await place.read('twice.lic')).not.toBe(before);
    expect(readdirSync(place.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test.each([
    [['--limit', '0']],
    [['--limit', '10000001']],
    [['--limit', 'many']],
    [['--version', '1.x']],
    [['--vendor', 'Acme Inc']],
    [['--application', '']],
    [['--customer', 'ed25519:short']],
    [['--customer', 'missing.pub']],
    [['--any-customer', '--customer', 'admin.key.pub']],
    [['--any-customer', '--expires', '2027-02-30']],
    [['--any-customer', '--expires', '2027-01-31T10:00:00']],
    [['--any-customer', '--expires', 'tomorrow']],
    [['--any-customer', '--expires', '2027-01-01', '--not-before', '2027-01-02']],
    [['--any-customer', '--key-lifetime', '25s']],
    [['--any-customer', '--key-lifetime', '25h']],
    [['--any-customer', '--key-lifetime', '30500ms']],
    [['--any-customer', '--key-lifetime', '10']],
    [['--any-customer', '--commuter-days', '0']],
    [['--any-customer', '--commuter-days', '367']],
    [['--any-customer', '--commuter-share', '0.5']],
    [['--any-customer', '--commuter-days', '9', '--commuter-share', '1.5']],
    [[]],
  ])('%p is wrong usage', async (wrong) => {
    const flags = new Map<string, string[]>();
    const given = ['--vendor', 'Acme', ...APP];
    for (let i = 0; i < given.length; i += 2) flags.set(String(given[i]), given.slice(i, i + 2));
    for (const name of wrong) flags.delete(name);
    const extra = /--(any-)?customer/.test(wrong.join()) || wrong.length === 0;
    const args = [...flags.values()].flat().concat(extra ? [] : ['--any-customer'], wrong);
    const { code, stderr } = await place.lm(['code', 'sign', '--key', 'vendor.key', ...args]);
    expect(code).toBe(wrong.includes('missing.pub') ? 78 : 64);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
    expect(stderr).not.toContain(' at ');
  });

  test.each(['a\u0007b', 'a\u001b[2Jb', 'a\u202eb', 'a\u2028b'])(
    'the application %j is refused and printed escaped',
    async (application) => {
      const flags = ['--application', application, '--version', '1', '--limit', '1'];
      const { code, stderr } = await place.lm([...BASE, ...flags, '--any-customer']);
      expect(code).toBe(64);
      expect(stderr).toMatch(/a\\(x[0-9a-f]{2}|u\{[0-9a-f]+\})/);
      expect(stderr).not.toContain(application);
    },
  );
});

describe('lm code show', () => {
  test('a bare code, as argument, file and standard input', async () => {
    const code = /code = "([^"]+)"/.exec(await place.read('a.lic'))?.[1] ?? '';
    await place.write('bare.txt', `${code}\n`);
    for (const [given, stdin] of [[code], ['bare.txt'], ['-', code]] as const) {
      const options = stdin === undefined ? {} : { stdin };
      const shown = await place.json(['code', 'show', given], options);
      expect(shown).toMatchObject({ limit: 100, verified: false, vendorKey: null });
    }
    const checked = await place.json(['code', 'show', code], { env: { LM_VENDOR_KEY: vendorKey } });
    expect(checked['verified']).toBe(true);
  });

  test('in words', async () => {
    const { code, stdout, stderr } = await place.lm(['code', 'show', 'a.lic']);
    expect(code).toBe(0);
    expect(stdout).toContain('application   Größe 設計\n');
    expect(stdout).toContain('ends          2027-01-31T23:59:59Z\n');
    expect(stderr).toContain('Not checked');
  });

  test('another vendor’s key: untrusted for a file; a bare code does not verify', async () => {
    const other = ['--vendor-key', 'other.key.pub'];
    expect((await place.lm(['code', 'show', 'a.lic', ...other])).code).toBe(76);
    const code = /code = "([^"]+)"/.exec(await place.read('a.lic'))?.[1] ?? '';
    expect((await place.lm(['code', 'show', code, ...other])).code).toBe(65);
  });

  test('tampered and foreign files: bad-data that names the file', async () => {
    const good = await place.read('a.lic');
    await place.write('tampered.lic', good.replace(/(code = "[^"]{200})./, '$1_'));
    await place.write('swapped.lic', good.replace(vendorKey, adminKey));
    await Bun.write(place.file('binary.lic'), new Uint8Array([0xff, 0xfe, 0, 1]));
    for (const file of ['tampered.lic', 'swapped.lic', 'binary.lic', 'missing.lic', '.']) {
      const { code, stdout } = await place.lm(['code', 'show', file, '--json']);
      expect(code).toBe(65);
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
      expect(error.code).toBe('bad-data');
      expect(error.message).toContain(file);
    }
  });
});
