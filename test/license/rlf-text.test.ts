import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { makeHandover } from '../../src/engine/license/admin-chain.ts';
import { signCode } from '../../src/engine/license/code.ts';
import { thumbprint } from '../../src/engine/license/keys.ts';
import { licenseFileText, readLicenseFile } from '../../src/engine/license/license-file.ts';
import { readDraft, readRlf, requireAdmin } from '../../src/engine/license/rlf.ts';
import {
  addToRlfText,
  bumpRlfText,
  handOverRlfText,
  signRlfText,
} from '../../src/engine/license/rlf-text.ts';
import type { LicenseCode } from '../../src/engine/license/types.ts';
import {
  ADMIN,
  failureOf,
  GRANT,
  newKey,
  STRANGER,
  signedRlf,
  unsignedRlf,
  VENDOR,
} from './samples.ts';

/** A license file as the vendor's `code sign` writes it. */
function licenseFile(grant: Partial<LicenseCode> = {}, signer = VENDOR) {
  const code = { ...GRANT, id: 'added', ...grant };
  const vendor = { name: code.vendor, key: signer.publicKey };
  return readLicenseFile(licenseFileText({ vendor, token: signCode(code, signer), code }));
}

/** Lines of `after` that `before` has not. */
function newLines(before: string, after: string): string[] {
  const old = new Set(before.split('\n'));
  return after.split('\n').filter((line) => !old.has(line));
}

describe('signing in place', () => {
  test('signs what is there, and keeps every line of it', () => {
    const text = unsignedRlf();
    const signed = signRlfText(text, ADMIN);
    expect(signed.startsWith(text.trimEnd())).toBe(true);
    expect(newLines(text, signed).join()).toMatch(
      /^# Written by.*,\[signature\],key = ".*,value = "[^,]*"$/,
    );
    expect(signRlfText(signed, ADMIN)).toBe(signed);
  });

  test('a bump changes one number and the signature', () => {
    const text = signedRlf();
    const bumped = signRlfText(bumpRlfText(text), ADMIN);
    expect(readRlf(bumped).sequence).toBe(2);
    const [sequence, value, ...rest] = newLines(text, bumped);
    expect(sequence).toBe('sequence = 2   # counts up');
    expect(value).toStartWith('value = ');
    expect(rest).toEqual([]);
  });

  test('line endings of Windows stay', () => {
    const text = signedRlf().replaceAll('\n', '\r\n');
    const bumped = signRlfText(bumpRlfText(text), ADMIN);
    expect(readRlf(bumped).sequence).toBe(2);
    expect(bumped.replaceAll('\r\n', '')).not.toContain('\n');
  });

  test('tables and comments after the signature stay', () => {
    const vendor = `[[vendor]]\nname = "Late"\nkey = "${STRANGER.publicKey}"\n`;
    const text = `${signedRlf()}# mine\n\n${vendor}`;
    const signed = signRlfText(text, ADMIN);
    expect(readRlf(signed).vendors.map(({ name }) => name)).toEqual(['Acme', 'Late']);
    expect(signed).toContain('# mine\n');
    expect(signed.match(/\[signature\]/g)).toHaveLength(1);
    expect(signed.indexOf('[signature]')).toBeGreaterThan(signed.indexOf('Late'));
  });

  test('lines inside a text that look like tables are left alone, or the edit is refused', () => {
    const text = unsignedRlf().replace('"cad-east"', `'''cad-east'''`);
    expect(readRlf(signRlfText(text, ADMIN)).pool).toBe('cad-east');
    const inline = `${unsignedRlf()}`.replace(
      'sequence = 1',
      'signature = { key = "", value = "" }',
    );
    expect(failureOf(() => signRlfText(inline, ADMIN)).code).toBe('bad-data');
  });

  test.each([
    ['a quoted key', 'sequence = 1', '"sequence" = 1'],
    ['a hexadecimal number', 'sequence = 1', 'sequence = 0x1'],
  ])('unusual TOML is refused, not mangled: %s', (_, usual, unusual) => {
    const text = signRlfText(unsignedRlf().replace(usual, unusual), ADMIN);
    expect(failureOf(() => bumpRlfText(text)).code).toBe('bad-data');
  });

  test('another key than the admin’s: untrusted', () => {
    expect(failureOf(() => signRlfText(unsignedRlf(), STRANGER)).code).toBe('untrusted');
  });

  test('what would not be read is not signed', () => {
    const text = unsignedRlf({ licenses: [{ distribution: { A: 101 } }] });
    expect(failureOf(() => signRlfText(text, ADMIN)).code).toBe('bad-data');
  });

  test('comments and blank lines anywhere survive', () => {
    const lines = unsignedRlf().split('\n');
    const comment = fc.constantFrom('# note', '   # [signature]', '', '\t', '# sequence = 9');
    const places = fc.array(fc.tuple(fc.nat({ max: lines.length - 1 }), comment), { maxLength: 8 });
    fc.assert(
      fc.property(places, (notes) => {
        const noted = lines.flatMap((line, i) => {
          return [...notes.filter(([at]) => at === i).map(([, note]) => note), line];
        });
        const text = signRlfText(noted.join('\n'), ADMIN);
        const bumped = signRlfText(bumpRlfText(text), ADMIN);
        expect(readRlf(bumped).sequence).toBe(2);
        const kept = noted.filter((line) => line.trim() !== '' && !line.startsWith('sequence'));
        expect(newLines(bumped, kept.join('\n'))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('adding license files', () => {
  test('appends tables, a new vendor once', () => {
    const text = signedRlf();
    const other = { vendor: 'Other', application: 'Größe' };
    const additions = [
      { file: licenseFile({ id: 'x1' }), distribution: new Map([['A', 5]]) },
      { file: licenseFile({ id: 'x2', ...other }, STRANGER), distribution: null },
      { file: licenseFile({ id: 'x3', ...other }, STRANGER), distribution: null },
    ];
    const added = signRlfText(addToRlfText(text, additions), ADMIN);
    const rlf = readRlf(added);
    expect(rlf.licenses.map(({ code }) => code.id)).toEqual(['code-1', 'x1', 'x2', 'x3']);
    expect(rlf.vendors.map(({ name }) => name)).toEqual(['Acme', 'Other']);
    expect(rlf.licenses[1]?.distribution).toEqual(new Map([['A', 5]]));
    expect(added).toContain('# Other Größe 1.0: 100 seats');
  });

  test('names that TOML does not take bare are quoted', () => {
    const text = signedRlf({ servers: ['a.b', 'C'], licenses: [] });
    const distribution = new Map([
      ['a.b', 1],
      ['C', 2],
    ]);
    const added = addToRlfText(text, [{ file: licenseFile(), distribution }]);
    expect(added).toContain('{ "a.b" = 1, C = 2 }');
  });

  test('the same code again, another key of the vendor, too many seats: refused', () => {
    const add = (file: ReturnType<typeof licenseFile>, distribution = new Map<string, number>()) =>
      failureOf(() => addToRlfText(signedRlf(), [{ file, distribution }])).message;
    expect(add(licenseFile({ id: 'code-1' }))).toContain('twice');
    expect(add(licenseFile({}, STRANGER))).toContain('another key of vendor Acme');
    expect(add(licenseFile(), new Map([['A', 101]]))).toContain('101 seats of 100');
    const customer = thumbprint(STRANGER.publicKey);
    expect(add(licenseFile({ customer }))).toContain('another customer');
  });

  test.each([
    ['another vendor’s key', (text: string) => text.replace('name = "Acme"', 'name = "Other"')],
    ['no code', (text: string) => text.replace(/\[\[license\]\][\s\S]*/, '')],
    ['no vendor', (text: string) => text.replace(/\[\[vendor\]\][^[]*/, '')],
    ['two codes', (text: string) => text + text.slice(text.indexOf('[[license]]'))],
    ['a distribution', (text: string) => `${text}distribution = { A = 1 }\n`],
    ['another key', (text: string) => text.replace(VENDOR.publicKey, STRANGER.publicKey)],
    ['a changed code', (text: string) => text.replace('code = "eyJhbGciOi', 'code = "eyJhbGciOj')],
    ['other text', () => 'hello'],
  ])('a license file with %s is refused', (_, change) => {
    const { vendor, token, code } = licenseFile();
    const text = change(licenseFileText({ vendor, token, code }));
    expect(failureOf(() => readLicenseFile(text)).code).toBe('bad-data');
  });
});

describe('handing over to a new admin key', () => {
  const second = newKey();
  const third = newKey();
  const handed = signRlfText(
    bumpRlfText(handOverRlfText(signedRlf(), makeHandover(ADMIN, second.publicKey))),
    second,
  );

  test('the old key’s codes and trust go on', () => {
    const rlf = readRlf(handed);
    expect(rlf).toMatchObject({ admin: second.publicKey, ancestors: [ADMIN.publicKey] });
    expect(rlf.licenses[0]?.code.customer).toBe(thumbprint(ADMIN.publicKey));
    requireAdmin(rlf, ADMIN.publicKey);
    expect(handed).toContain(`admin = "${second.publicKey}"   # us`);
  });

  test('twice: ancestors newest first', () => {
    const handover = makeHandover(second, third.publicKey);
    const rlf = readRlf(signRlfText(handOverRlfText(handed, handover), third));
    expect(rlf.ancestors).toEqual([second.publicKey, ADMIN.publicKey]);
  });

  test('a forged, a broken, a circular chain: refused', () => {
    const { signature } = makeHandover(third, second.publicKey);
    const forged = handed.replace(/signature = ".*"/, `signature = "${signature}"`);
    expect(failureOf(() => readRlf(forged)).message).toContain('[[admin-chain]] 1 is wrong');
    const cut = handed.replace(/\[\[admin-chain\]\][^[]*/, '');
    expect(failureOf(() => readRlf(signRlfText(cut, second))).message).toContain(
      'another customer',
    );
    const other = handed.replace(`new = "${second.publicKey}"`, `new = "${third.publicKey}"`);
    expect(failureOf(() => readRlf(other)).code).toBe('bad-data');
    const back = makeHandover(second, ADMIN.publicKey);
    expect(failureOf(() => handOverRlfText(handed, back)).code).toBe('bad-data');
    const stranger = makeHandover(STRANGER, third.publicKey);
    expect(failureOf(() => handOverRlfText(handed, stranger)).code).toBe('untrusted');
  });
});

describe('a chain that is well signed, link by link', () => {
  const table = (handover: ReturnType<typeof makeHandover>) => {
    const fields = Object.entries(handover).map(([key, value]) => `${key} = "${value}"\n`);
    return `[[admin-chain]]\n${fields.join('')}`;
  };
  const second = newKey();
  const complaint = (...handovers: ReturnType<typeof makeHandover>[]) =>
    failureOf(() => readDraft(unsignedRlf({ more: handovers.map(table).join('') }))).message;

  test('a stranger can not slip in between', () => {
    const chain = [
      makeHandover(second, newKey().publicKey),
      makeHandover(STRANGER, ADMIN.publicKey),
    ];
    expect(complaint(...chain)).toContain('[[admin-chain]] 2 does not go on');
  });

  test('it has to end at the admin of the pool', () => {
    expect(complaint(makeHandover(ADMIN, second.publicKey))).toContain('does not end at the admin');
    expect(complaint(makeHandover(second, STRANGER.publicKey))).toContain('does not end');
  });

  test('it has to be a chain of different keys', () => {
    expect(complaint(makeHandover(ADMIN, ADMIN.publicKey))).toContain('goes back to an old key');
  });
});

test('a draft is read with everything but its signature checked', () => {
  expect(readDraft(unsignedRlf()).rlf.sequence).toBe(1);
});
