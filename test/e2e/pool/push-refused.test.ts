/** RLFs that may not come into force, each refused by name: by the command, and by the pool (9). */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { signJws } from '../../../src/engine/license/jws.ts';
import { signDocument } from '../../../src/engine/license/signed-document.ts';
import { parseToml } from '../../../src/engine/license/toml.ts';
import { RLF_BYTES_MAX } from '../../../src/engine/limits.ts';
import { LmError } from '../../../src/net/client/index.ts';
import { expectJsonRefusal, expectRefusal } from '../refusal.ts';
import { keyFrom, RlfWriter, type WrittenLicense, type WrittenVendor } from '../rlf-writer.ts';
import { PoolSite } from './pool-site.ts';

const site = new PoolSite();
let writer: RlfWriter;
let license: WrittenLicense;
let inForce: { sequence: number; digest: string };

beforeAll(async () => {
  await site.layOut(3, [{ application: 'App', limit: 9 }]);
  const text = readFileSync(site.rlf, 'utf8');
  const { vendors, sequence, digest } = await site.json(['rlf', 'verify', site.rlf]);
  writer = new RlfWriter(text, vendors as WrittenVendor[]);
  const [, token = ''] = /^code = "(.*)"$/m.exec(text) ?? [];
  license = { token, allocated: null };
  inForce = { sequence: Number(sequence), digest: String(digest) };
  await site.startAll();
});
afterAll(() => site.close());

/**
 * Pushes it with the command, and past the command's own checks to a server: both say the same, and
 * nothing has changed.
 */
async function expectRefused(
  text: string,
  { exit, code, says }: { exit: number; code: string; says: readonly string[] },
): Promise<void> {
  writeFileSync(site.file('bad.toml'), text);
  const ran = await site.client(['rlf', 'push', 'bad.toml']);
  expectRefusal(ran, exit);
  expectJsonRefusal(await site.client(['rlf', 'push', 'bad.toml', '--json']), exit, code);
  for (const isTrial of [true, false]) {
    const refusal = await site
      .connect()
      .push(text, isTrial)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LmError);
    const { code: said, message } = refusal as LmError;
    expect(said as string).toBe(code);
    for (const words of says) expect([message, ran.stderr]).toEqual([words, words].map(containing));
  }
  const { rlf } = await site.serves();
  expect(rlf).toMatchObject(inForce);
}

const containing = (words: string) => expect.stringContaining(words);

/** Signed as it is: `lm rlf sign` would refuse what these tests sign. */
function signed(text: string, key = site.adminKey): string {
  const document = parseToml(text, 'the RLF');
  const signer = keyFrom(key);
  const value = signDocument('lm-rlf-v1', document, signer);
  return `${text}\n[signature]\nkey = "${signer.publicKey}"\nvalue = "${value}"\n`;
}

const next = (licenses = [license]) => writer.write(inForce.sequence + 1, licenses);

async function codeOf(...flags: string[]): Promise<WrittenLicense> {
  const grant = ['--vendor', 'Acme', '--key', 'vendor.key', '--application', 'New'];
  const code = ['code', 'sign', ...grant, '--version', '1.0', '--limit', '5', ...flags];
  const { stdout } = await site.ok(code);
  const [, token = ''] = /^code = "(.*)"$/m.exec(stdout) ?? [];
  return { token, allocated: null };
}

test('signed by another admin key', async () => {
  await site.ok(['keys', 'new', 'other.key']);
  const other = keyFrom(site.file('other.key')).publicKey;
  const text = signed(
    next().replace(/^admin = ".*"/m, `admin = "${other}"`),
    site.file('other.key'),
  );
  writeFileSync(site.file('bad.toml'), text);
  // The file is right by itself: only the pool knows its admin.
  expectRefusal(await site.client(['rlf', 'push', 'bad.toml']), 76, `is signed by ${other}`);
  await expectRefused(text, { exit: 76, code: 'untrusted', says: [other] });
});

test('signed by a key that is not the one it names', async () => {
  const text = signed(next(), site.file('other.key'));
  await expectRefused(text, { exit: 76, code: 'untrusted', says: ['not the admin of its pool'] });
});

test('changed since it was signed, or not signed', async () => {
  const text = signed(next()).replace(/^sequence = \d+/m, `sequence = ${inForce.sequence + 2}`);
  await expectRefused(text, { exit: 65, code: 'bad-data', says: ['changed since it was signed'] });
  await expectRefused(next(), { exit: 65, code: 'bad-data', says: ['is not signed'] });
});

test('a code that was made for another customer', async () => {
  const stranger = await codeOf('--customer', keyFrom(site.file('other.key')).publicKey);
  const says = ['was made for another customer'];
  await expectRefused(signed(next([stranger])), { exit: 65, code: 'bad-data', says });
});

test('the sequence of the one in force with other content: both digests', async () => {
  const text = signed(writer.write(inForce.sequence, []));
  writeFileSync(site.file('other.toml'), text);
  const { digest } = await site.json(['rlf', 'verify', 'other.toml']);
  const says = [inForce.digest, String(digest)];
  await expectRefused(text, { exit: 65, code: 'bad-data', says });
});

test('a lower sequence', async () => {
  const says = [`sequence ${inForce.sequence - 1}`, `sequence ${inForce.sequence} is in force`];
  const text = signed(writer.write(inForce.sequence - 1, [license]));
  await expectRefused(text, { exit: 65, code: 'bad-data', says });
});

test('a distribution over the limit, or to a server that is not there', async () => {
  const over = signed(next([{ ...license, allocated: 10 }]));
  await expectRefused(over, {
    exit: 65,
    code: 'bad-data',
    says: ['gives the servers 10 seats of 9'],
  });
  const nobody = signed(`${next()}distribution = { Z = 1 }\n`);
  await expectRefused(nobody, { exit: 65, code: 'bad-data', says: ['"Z"', 'no server here'] });
});

test('a license that is in it twice, or of a vendor that is not', async () => {
  const twice = signed(next([license, license]));
  await expectRefused(twice, { exit: 65, code: 'bad-data', says: ['is in the RLF twice'] });
  const orphan = signed(next().replace(/\[\[vendor\]\][^[]*/, ''));
  await expectRefused(orphan, { exit: 65, code: 'bad-data', says: ['"Acme"', 'has no key here'] });
});

test('with what only a newer lm knows: in the file, or in a code', async () => {
  const newer = signed(next().replace('[pool]', 'format = 2\n[pool]'));
  await expectRefused(newer, { exit: 65, code: 'bad-data', says: ['"format"', 'lm knows'] });
  const claims = { iss: 'Acme', sub: 'New', version: '1.0', limit: 1, jti: 'n', iat: 0 };
  const payload = { ...claims, any_customer: true, region: 'east' };
  const token = signJws('lm-license+jwt', payload, keyFrom(site.file('vendor.key')));
  const text = signed(next([{ token, allocated: null }]));
  await expectRefused(text, { exit: 65, code: 'bad-data', says: ['"region"', 'lm knows'] });
});

test('of another pool', async () => {
  const text = signed(next().replace('name = "east"', 'name = "west"'));
  await expectRefused(text, { exit: 65, code: 'bad-data', says: ['west'] });
});

test('too large: before it is read', async () => {
  const text = `${signed(next())}# ${'x'.repeat(RLF_BYTES_MAX)}\n`;
  writeFileSync(site.file('bad.toml'), text);
  expectRefusal(await site.client(['rlf', 'push', 'bad.toml']), 65, String(RLF_BYTES_MAX));
  const refusal = await site
    .connect()
    .push(text)
    .catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'bad-data', message: containing(String(RLF_BYTES_MAX)) });
});
