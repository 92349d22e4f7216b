/** Cards, RLFs, license files and codes that somebody changed (issue 2, "Hostile input"). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Ran } from '../commands/run-lm.ts';
import { expectJsonRefusal, expectRefusal } from './refusal.ts';
import { Site } from './site.ts';

/** Bytes changed one at a time, spread over the whole file; test/license changes each of them. */
const REGIONS = process.env['LM_SOAK'] === '1' ? 100 : 4;
const AT_ONCE = 6;

const site = new Site();
let otherKey = '';
let rlf = '';
let card = '';
let license = '';

beforeAll(async () => {
  await site.found([{ application: 'App', limit: 50, allocated: 20 }]);
  otherKey = String((await site.json(['keys', 'new', 'other.key']))['publicKey']);
  [rlf, card] = await Promise.all([Bun.file(site.rlf).text(), Bun.file(site.card).text()]);
  const terms = ['--version', '1.0', '--limit', '5', '--customer', 'east/admin.key.pub'];
  const names = ['--vendor', 'Acme', '--key', 'vendor.key', '--application', 'More'];
  license = (await site.ok(['code', 'sign', ...names, ...terms])).stdout;
});
afterAll(() => site.close());

type Version = readonly [what: string, text: string];

/** Runs a command on each of these, and expects all to be refused with 65 or 76. */
async function expectRefused(versions: readonly Version[], command: (file: string) => string[]) {
  const left = [...versions.entries()];
  while (left.length > 0) {
    const some = left.splice(0, AT_ONCE).map(async ([i, [what, text]]) => {
      const file = site.file(`version-${i}`);
      await Bun.write(file, text);
      const ran = await site.lm(command(file));
      const refused = ran.code === 65 || ran.code === 76;
      expect({ what, code: ran.code, refused }).toMatchObject({ what, refused: true });
      expectRefusal(ran, ran.code);
    });
    await Promise.all(some);
  }
}

/** One changed letter or digit in each region of the text; comments carry no meaning. */
function regions(text: string): Version[] {
  const places = [...text.matchAll(/^(?!#).+$/gm)].flatMap(({ index, 0: line }) =>
    [...line].map((character, i) => ({ at: index + i, character })),
  );
  const letters = places.filter(({ character }) => /[A-Za-z0-9]/.test(character));
  return Array.from({ length: REGIONS }, (_, i): Version => {
    const { at, character } = letters[Math.floor(((i + 0.5) * letters.length) / REGIONS)] ?? {
      at: 0,
      character: '',
    };
    const other = /[0-8]/.test(character)
      ? String(Number(character) + 1)
      : character === 'b'
        ? 'c'
        : 'b';
    return [`byte ${at}: ${other}`, `${text.slice(0, at)}${other}${text.slice(at + 1)}`];
  });
}

/** What no file of ours looks like. */
function remains(text: string): Version[] {
  return [
    ['empty', ''],
    ['cut in half', text.slice(0, text.length / 2)],
    ['twice', text + text],
    ['nested', '['.repeat(50_000)],
    ['too long', `${text}#${'x'.repeat(4 * 1024 * 1024)}`],
  ];
}

function replaced(text: string, changes: readonly (readonly [RegExp, string])[]): Version[] {
  return changes.map(([pattern, by]): Version => {
    const changed = text.replace(pattern, by);
    expect(changed).not.toBe(text);
    return [String(pattern), changed];
  });
}

test('a pool card: every field, bytes of every region, what is none', async () => {
  const fields = JSON.parse(card) as Record<string, unknown>;
  const hash = `sha256:${'0'.repeat(64)}`;
  const changed = Object.keys(fields).map((name): Version => {
    return [`without ${name}`, JSON.stringify({ ...fields, [name]: undefined })];
  });
  await expectRefused(
    [
      ...changed,
      ...replaced(card, [
        [/"pool": "east"/, '"pool": "west"'],
        [/"name": "A"/, '"name": "B"'],
        [/127\.0\.0\.1:\d+/, '127.0.0.2:5930'],
        [/sha256:[0-9a-f]+/, hash],
        [/ed25519:[\w-]+/, otherKey],
        [/"sequence": 1/, '"sequence": 2'],
        [/"epoch": 0/, '"epoch": 1'],
        [/^{/, '{"more": 1,'],
      ]),
      ...regions(card),
      ...remains(card),
    ],
    (file) => ['status', '--pool', file],
  );
});

test('an RLF: every field, bytes of every region, what is none', async () => {
  const fields: [RegExp, string][] = [
    [/^sequence = \d+/m, 'sequence = 9'],
    [/^name = "east"/m, 'name = "west"'],
    [/^admin = ".*"/m, `admin = "${otherKey}"`],
    [/^name = "A"/m, 'name = "B"'],
    [/^address = ".*"/m, 'address = "127.0.0.2:5930"'],
    [/^fingerprint = ".*"/m, `fingerprint = "sha256:${'0'.repeat(64)}"`],
    [/^name = "Acme"/m, 'name = "Acne"'],
    [/^(name = "Acme"\nkey = )".*"/m, `$1"${otherKey}"`],
    [/A = 20/, 'A = 50'],
    [/^distribution.*$/m, ''],
    [/^(\[signature\]\nkey = )".*"/m, `$1"${otherKey}"`],
    [/^\[signature\][\s\S]*$/m, ''],
    [/^\[pool\]/m, 'surprise = 1\n[pool]'],
    [/^\[signature\]/m, '[[license]]\ncode = "e30.e30.e30"\n[signature]'],
  ];
  await expectRefused([...replaced(rlf, fields), ...regions(rlf), ...remains(rlf)], (file) => {
    return ['rlf', 'verify', file];
  });
});

test('an RLF that somebody else signed: not for this pool, whoever offers it', async () => {
  const foreign = rlf.replace(/^admin = ".*"/m, `admin = "${otherKey}"`);
  await Bun.write(site.file('foreign.toml'), foreign.replace(/^sequence = \d+/m, 'sequence = 9'));
  await site.ok(['rlf', 'sign', 'foreign.toml', '--key', 'other.key']);
  const trusted = ['rlf', 'verify', 'foreign.toml', '--admin', 'east/admin.key.pub'];
  expectRefusal(await site.lm(trusted), 76);
  const listen = ['--listen', `127.0.0.1:${site.port}`];
  const serve = ['serve', '--data', site.data, '--rlf', 'foreign.toml', ...listen];
  expectRefusal(await site.lm(serve), 76);
});

test('a license file: fields, bytes of every region, what is none; and none is added', async () => {
  const fields: [RegExp, string][] = [
    [/^name = ".*"/m, 'name = "Acne"'],
    [/^key = ".*"/m, `key = "${otherKey}"`],
    [/^\[\[vendor\]\][\s\S]*(?=\[\[license)/m, ''],
    [/^\[\[license\]\][\s\S]*$/m, ''],
  ];
  const versions = [...replaced(license, fields), ...regions(license), ...remains(license)];
  await expectRefused(versions, (file) => ['code', 'show', file]);
  await expectRefused(versions.slice(0, 4), (file) => ['rlf', 'add', file, '--rlf', site.rlf]);
  expect(await Bun.file(site.rlf).text()).toBe(rlf);
});

describe('a license code', () => {
  const parts = () => (/code = "(.*)"/.exec(license)?.[1] ?? '').split('.');
  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const show = async (code: string): Promise<Ran> => {
    const file = license.replace(/code = ".*"/, `code = "${code}"`);
    await Bun.write(site.file('one.lic'), file);
    return await site.lm(['code', 'show', 'one.lic', '--json']);
  };

  test('with each claim changed, or under another algorithm', async () => {
    const [header = '', payload = '', signature = ''] = parts();
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const typ = 'lm-license+jwt';
    const codes = [
      ...Object.entries(claims).map(([name, value]) => {
        const other = typeof value === 'number' ? value + 1 : `${value}x`;
        return [header, base64url({ ...claims, [name]: other }), signature];
      }),
      [base64url({ alg: 'none', typ }), payload, ''],
      [base64url({ alg: 'HS256', typ }), payload, signature],
      [base64url({ alg: 'EdDSA', typ: 'JWT' }), payload, signature],
      [header, base64url({ ...claims, any_customer: true }), signature],
    ];
    for (const code of codes) expectJsonRefusal(await show(code.join('.')), 65, 'bad-data');
    expect((await show([header, payload, signature].join('.'))).code).toBe(0);
  });

  test('made for another customer, or by another key of that name', async () => {
    const sign = async (file: string, key: string, customer: string[]) => {
      const names = ['--vendor', 'Acme', '--key', key, '--application', 'More'];
      await site.ok([
        'code',
        'sign',
        ...names,
        '--version',
        '1',
        '--limit',
        '5',
        ...customer,
        '-o',
        file,
      ]);
      return await site.lm(['rlf', 'add', file, '--rlf', site.rlf]);
    };
    expectRefusal(await sign('theirs.lic', 'vendor.key', ['--customer', otherKey]), 65, 'customer');
    expectRefusal(await sign('false.lic', 'other.key', ['--any-customer']), 65, 'Acme');
    const show = ['code', 'show', 'false.lic', '--vendor-key', 'vendor.key.pub'];
    expect((await site.lm(show)).code).toBeOneOf([65, 76]);
    expect(await Bun.file(site.rlf).text()).toBe(rlf);
  });
});

test('the true ones are as good as before', async () => {
  const server = await site.serve();
  const { code } = await site.client([
    'request',
    'App',
    '--vendor-key',
    join(site.path, 'vendor.key.pub'),
  ]);
  expect(code).toBe(0);
  expect(await server.stop()).toBe(0);
});
