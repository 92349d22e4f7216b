import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, copyFileSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { serverTables } from '../license/samples.ts';
import { Workplace } from './run-lm.ts';

const place = new Workplace();
let admin = '';

const sign = (application: string, limit: number, ...more: string[]) => {
  const names = ['--vendor', 'Acme', '--key', 'vendor.key', '--application', application];
  const terms = ['--version', '1.0', '--limit', String(limit), '--customer', admin, ...more];
  return place.json(['code', 'sign', ...names, ...terms, '-o', `${application}.lic`]);
};

/** `pool.toml` as it is before any license, under another name. */
const fresh = (name: string) => copyFileSync(place.file('base.toml'), place.file(name));

beforeAll(async () => {
  await place.json(['keys', 'new', 'vendor.key']);
  await place.json(['keys', 'new', 'other.key']);
  admin = String((await place.json(['keys', 'new', 'admin.key']))['publicKey']);
  const pool = `# ours\nsequence = 1 # counts\n[pool]\nname = "cad-east"\nadmin = "${admin}"\n`;
  await place.write('base.toml', `${pool}\n${serverTables(['A', 'B', 'C'])}`);
  await place.json(['rlf', 'sign', 'base.toml']);
  fresh('pool.toml');
  await sign('Application', 100, '--expires', '2027-01-31');
  await sign('Other', 10);
});
afterAll(() => place.remove());

describe('lm rlf sign and verify', () => {
  test('signed with the admin.key beside it; verify says what it says', async () => {
    const verified = await place.json(['rlf', 'verify', 'base.toml', '--admin', 'admin.key.pub']);
    expect(verified).toMatchObject({ sequence: 1, pool: 'cad-east', admin, licenses: [] });
    const { stdout } = await place.lm(['rlf', 'verify', 'base.toml']);
    expect(stdout).toContain('server B 127.0.0.1:5931 (priority 2)\n');
  });

  test('verify reads standard input', async () => {
    const stdin = await place.read('base.toml');
    expect((await place.lm(['rlf', 'verify', '-'], { stdin })).code).toBe(0);
  });

  test('--bump adds one; permissions, links and comments stay', async () => {
    fresh('real.toml');
    chmodSync(place.file('real.toml'), 0o640);
    symlinkSync('real.toml', place.file('link.toml'));
    expect(await place.json(['rlf', 'sign', 'link.toml', '--bump'])).toMatchObject({ sequence: 2 });
    const text = await place.read('real.toml');
    expect(text).toStartWith('# ours\nsequence = 2 # counts\n');
    expect(statSync(place.file('real.toml')).mode & 0o777).toBe(0o640);
    expect(readdirSync(place.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a change without a bump is signed, with a warning', async () => {
    fresh('edited.toml');
    await place.write('edited.toml', (await place.read('base.toml')).replace(':5932', ':5999'));
    expect((await place.lm(['rlf', 'verify', 'edited.toml'])).code).toBe(65);
    const { code, stderr } = await place.lm(['rlf', 'sign', 'edited.toml']);
    expect(code).toBe(0);
    expect(stderr).toContain('--bump');
    expect((await place.lm(['rlf', 'verify', 'edited.toml'])).code).toBe(0);
  });

  test('another key, no key, an admin nobody trusts', async () => {
    fresh('keys.toml');
    const before = await place.read('keys.toml');
    expect((await place.lm(['rlf', 'sign', 'keys.toml', '--key', 'other.key'])).code).toBe(76);
    expect((await place.lm(['rlf', 'sign', 'keys.toml', '--key', 'none.key'])).code).toBe(78);
    expect((await place.lm(['rlf', 'sign', '-', '--key', 'admin.key'])).code).toBe(64);
    const env = { LM_ADMIN_KEY: 'other.key' };
    expect((await place.lm(['rlf', 'sign', 'keys.toml'], { env })).code).toBe(76);
    expect(await place.read('keys.toml')).toBe(before);
    const trusted = ['--admin', 'other.key.pub'];
    expect((await place.lm(['rlf', 'verify', 'keys.toml', ...trusted])).code).toBe(76);
  });

  test('two files can not both be standard input', async () => {
    const stdin = await place.read('Other.lic');
    const args = ['rlf', 'add', '-', '--key', '-'];
    expect((await place.lm(args, { stdin })).code).toBe(64);
  });

  test('handed over to a new admin key, the old codes stay good', async () => {
    fresh('handed.toml');
    const args = ['Application.lic', '--rlf', 'handed.toml', '--key', 'admin.key'];
    await place.json(['rlf', 'add', ...args]);
    const keys = ['--key', 'other.key', '--old-key', 'admin.key'];
    await place.json(['rlf', 'sign', 'handed.toml', '--bump', ...keys]);
    const verified = await place.json(['rlf', 'verify', 'handed.toml', '--admin', admin]);
    expect(verified).toMatchObject({ sequence: 3, ancestors: [admin] });
  });
});

describe('lm rlf add', () => {
  test('adds, bumps and signs ./pool.toml; FIG. 4’s distribution and an even one', async () => {
    const args = ['Application.lic', '--distribution', 'A=40,B=30,C=30'];
    const added = await place.json(['rlf', 'add', ...args]);
    expect(added).toMatchObject({ sequence: 2, added: [{ application: 'Application' }] });
    await place.json(['rlf', 'add', 'Other.lic']);
    const verified = await place.json(['rlf', 'verify', 'pool.toml']);
    expect(verified['sequence']).toBe(3);
    expect(verified['licenses']).toMatchObject([
      {
        application: 'Application',
        hardLimit: 100,
        freePool: 0,
        distribution: [
          { server: 'A', allocated: 40 },
          { server: 'B', allocated: 30 },
          { server: 'C', allocated: 30 },
        ],
        codes: [{ expires: '2027-01-31T23:59:59Z' }],
      },
      { application: 'Other', hardLimit: 10, freePool: 1 },
    ]);
    const { stdout } = await place.lm(['rlf', 'verify', 'pool.toml']);
    expect(stdout).toContain('Application 1.0: 100 seats (A 40, B 30, C 30, free pool 0)');
  });

  test('several at once; a license file from standard input', async () => {
    fresh('many.toml');
    const stdin = await place.read('Other.lic');
    const rlf = ['--rlf', 'many.toml'];
    const added = await place.json(['rlf', 'add', 'Application.lic', '-', ...rlf], { stdin });
    expect(added).toMatchObject({ sequence: 2, added: [{}, { application: 'Other' }] });
  });

  test.each([
    ['the same code again', ['Application.lic', 'Application.lic'], 65],
    ['more seats than bought', ['Other.lic', '--distribution', 'A=5,B=6'], 65],
    ['a server that is none', ['Other.lic', '--distribution', 'X=5'], 65],
    ['no distribution', ['Other.lic', '--distribution', 'A40'], 64],
    ['a server twice', ['Other.lic', '--distribution', 'A=1,A=2'], 64],
    ['one distribution for two', ['Other.lic', 'Application.lic', '--distribution', 'A=1'], 64],
    ['no license file', ['base.toml'], 65],
    ['nothing there', ['missing.lic'], 65],
  ])('%s: refused, and the RLF is left as it was', async (_, args, expected) => {
    fresh('same.toml');
    const { code } = await place.lm(['rlf', 'add', ...args, '--rlf', 'same.toml']);
    expect(code).toBe(expected);
    expect(await place.read('same.toml')).toBe(await place.read('base.toml'));
  });

  test('does not sign what somebody else changed', async () => {
    await place.write('evil.toml', (await place.read('base.toml')).replace(':5930', ':5999'));
    const { code, stderr } = await place.lm(['rlf', 'add', 'Other.lic', '--rlf', 'evil.toml']);
    expect(code).toBe(65);
    expect(stderr).toContain('lm rlf sign');
  });
});

describe('lm rlf diff', () => {
  test('in words and as JSON; exit 0 either way; drafts are named', async () => {
    fresh('diff.toml');
    await place.json(['rlf', 'add', 'Other.lic', '--rlf', 'diff.toml']);
    const { code, stdout } = await place.lm(['rlf', 'diff', 'base.toml', 'diff.toml']);
    expect(code).toBe(0);
    expect(stdout).toContain('sequence: 1 becomes 2\n');
    expect(stdout).toContain('license Acme Other 1.0 added: 10 seats');
    const same = await place.json(['rlf', 'diff', 'diff.toml', 'diff.toml']);
    expect(same).toEqual({ same: true, changes: [] });
    await place.write('draft.toml', (await place.read('base.toml')).replace('"C"', '"D"'));
    const draft = await place.lm(['rlf', 'diff', 'base.toml', 'draft.toml']);
    expect(draft.code).toBe(0);
    expect(draft.stderr).toContain('draft.toml: The signature of the RLF is wrong');
  });

  test('with the live pool: which has to be named, and up', async () => {
    const bare = await place.lm(['rlf', 'diff', 'base.toml'], { env: { LM_POOL: 'no.pool' } });
    expect([bare.code, bare.stdout]).toEqual([78, '']);
    const dead = ['--servers', '127.0.0.1:1', '--insecure'];
    expect((await place.lm(['rlf', 'diff', 'base.toml', ...dead])).code).toBe(69);
    expect((await place.lm(['rlf', 'push', 'base.toml', ...dead])).code).toBe(69);
  });
});

describe('hostile RLFs', () => {
  test.each([
    ['control characters', '"cad-east"', '"cad\\u001b[2Jeast"'],
    ['bidirectional characters', 'name = "B"', 'name = "B\u202e"'],
    ['an unknown field', '[pool]', '[pool]\n"\\u0007x" = 1'],
    ['another address', '127.0.0.1:5930', '127.0.0.9:5930'],
    ['another sequence', 'sequence = 1', 'sequence = 2'],
  ])('%s: 65, in two plain lines', async (_, good, bad) => {
    await place.write('bad.toml', (await place.read('base.toml')).replace(good, bad));
    const { code, stdout, stderr } = await place.lm(['rlf', 'verify', 'bad.toml']);
    expect(code).toBe(65);
    expect(stdout).toBe('');
    expect(stderr).toStartWith('lm: bad.toml: ');
    expect(stderr).toMatch(/^[\x20-\x7e\n…]+$/);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });
});

test('the template, filled in, is an RLF', async () => {
  const { stdout } = await place.lm(['rlf', 'template']);
  let next = 0;
  const filled = stdout
    .replace('"NAME"', '"cad-east"')
    .replace('"ed25519:…"', `"${admin}"`)
    .replaceAll('sha256:…', () => `sha256:${String(next++).repeat(64)}`);
  await place.write('filled.toml', filled);
  await place.json(['rlf', 'sign', 'filled.toml']);
  expect((await place.lm(['rlf', 'verify', 'filled.toml'])).code).toBe(0);
});
