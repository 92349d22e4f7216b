import { describe, expect, test } from 'bun:test';
import { LmError } from '../../src/engine/errors.ts';
import { signCode } from '../../src/engine/license/code.ts';
import { thumbprint } from '../../src/engine/license/keys.ts';
import { licenseTable } from '../../src/engine/license/license-file.ts';
import { readDraft, readRlf, requireAdmin } from '../../src/engine/license/rlf.ts';
import { signDocument } from '../../src/engine/license/signed-document.ts';
import {
  ADMIN,
  failureOf,
  GRANT,
  STRANGER,
  serverTables,
  signedRlf,
  unsignedRlf,
  VENDOR,
} from './samples.ts';

const GOOD = signedRlf({ licenses: [{ distribution: { A: 40, B: 30, C: 30 } }] });

/** What the draft of a text, signature aside, is refused for. */
const complaint = (text: string) => failureOf(() => readDraft(text)).message;

describe('a good RLF', () => {
  test('says what FIG. 2 and FIG. 4 show', () => {
    const rlf = readRlf(GOOD);
    expect(rlf).toMatchObject({ sequence: 1, pool: 'cad-east', admin: ADMIN.publicKey });
    expect(rlf.servers.map(({ name }) => name)).toEqual(['A', 'B', 'C']);
    expect(rlf.vendors).toEqual([{ name: 'Acme', key: VENDOR.publicKey }]);
    expect(rlf.licenses[0]?.code).toEqual(GRANT);
    expect([...(rlf.licenses[0]?.distribution ?? [])]).toEqual([
      ['A', 40],
      ['B', 30],
      ['C', 30],
    ]);
    expect(rlf.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(rlf.text).toBe(GOOD);
  });

  test('may have one server, and eleven, and no license', () => {
    for (const servers of [['only'], [...'ABCDEFGHIJK']]) {
      expect(readRlf(signedRlf({ servers, licenses: [] })).servers.length).toBe(servers.length);
    }
  });

  test('comments, spaces and line endings are not signed', () => {
    const { digest } = readRlf(GOOD);
    expect(readRlf(GOOD.replaceAll('\n', '\r\n')).digest).toBe(digest);
    expect(readRlf(`# another\n${GOOD.replace('sequence = 1', 'sequence=1')}`).digest).toBe(digest);
    expect(readRlf(`\ufeff${GOOD}`).digest).toBe(digest);
  });

  test('a server may be called __proto__', () => {
    const servers = ['__proto__', 'constructor', 'toJSON'];
    const distribution = new Map(servers.map((name) => [name, 1]));
    const more = licenseTable(signCode({ ...GRANT, id: 'p' }, VENDOR), distribution);
    const rlf = readRlf(signedRlf({ servers, licenses: [], more }));
    expect(rlf.licenses[0]?.distribution).toEqual(distribution);
  });
});

describe('tampering', () => {
  test('one changed character: refused, or it was not in what is signed', () => {
    const { digest } = readRlf(GOOD);
    const seen = { refused: 0, harmless: 0 };
    for (let i = 0; i < GOOD.length; i++) {
      const other = /[0-9]/.test(GOOD[i] ?? '') ? (GOOD[i] === '7' ? '8' : '7') : 'x';
      const changed = `${GOOD.slice(0, i)}${GOOD[i] === 'x' ? 'y' : other}${GOOD.slice(i + 1)}`;
      try {
        expect(readRlf(changed).digest).toBe(digest);
        seen.harmless += 1;
      } catch (error) {
        if (!(error instanceof LmError)) throw error;
        expect(error.code).toBeOneOf(['bad-data', 'untrusted']);
        seen.refused += 1;
      }
    }
    expect(seen.refused).toBeGreaterThan(GOOD.length * 0.8);
    expect(seen.harmless).toBeGreaterThan(10);
  });

  test.each([
    ['sequence', /sequence = 1/, 'sequence = 2'],
    ['pool', /cad-east/, 'cad-west'],
    ['address', /127\.0\.0\.1:5930/, '127.0.0.2:5930'],
    ['fingerprint', /sha256:0/, 'sha256:f'],
    ['server name', /name = "C"/, 'name = "D"'],
    ['seats', /C = 30/, 'C = 29'],
    ['distribution dropped', /distribution = .*\n/, ''],
    ['server added', /\[\[vendor\]\]/, `${serverTables(['Z']).replaceAll('0', '9')}\n[[vendor]]`],
    ['priority', /(\[\[server\]\](?:\n.+)+)\n\n(\[\[server\]\](?:\n.+)+)/, '$2\n\n$1'],
  ])('%s', (_, pattern, replacement) => {
    const changed = GOOD.replace(pattern, replacement);
    expect(changed).not.toBe(GOOD);
    const failure = failureOf(() => readRlf(changed));
    expect(failure.code).toBe('bad-data');
  });

  test('truncated anywhere: refused', () => {
    for (let end = 0; end < GOOD.trimEnd().length; end += 11) {
      expect(failureOf(() => readRlf(GOOD.slice(0, end))).code).toBe('bad-data');
    }
  });

  test('without signature: bad-data, and a draft says so', () => {
    const failure = failureOf(() => readRlf(unsignedRlf()));
    expect(failure).toMatchObject({ code: 'bad-data', message: 'The RLF is not signed.' });
    expect(readDraft(unsignedRlf()).signatureError).toMatchObject({ code: 'bad-data' });
    expect(readDraft(GOOD).signatureError).toBeNull();
  });

  test('signed by another key than the admin of its pool: untrusted', () => {
    const { document } = readDraft(GOOD);
    const value = signDocument('lm-rlf-v1', document, STRANGER);
    const signature = `[signature]\nkey = "${STRANGER.publicKey}"\nvalue = "${value}"\n`;
    const failure = failureOf(() => readRlf(`${unsignedRlf()}${signature}`));
    expect(failure.code).toBe('untrusted');
    expect(failure.message).toContain(STRANGER.publicKey);
  });

  test('a signature made for another purpose does not count', () => {
    const { document } = readDraft(GOOD);
    const value = signDocument('lm-card-v1', document, ADMIN);
    const text = GOOD.replace(/value = ".*"/, `value = "${value}"`);
    expect(failureOf(() => readRlf(text)).message).toContain('signature of the RLF is wrong');
  });

  test('signed by an admin that nobody knows: untrusted where one is known', () => {
    const rlf = readRlf(GOOD);
    expect(failureOf(() => requireAdmin(rlf, STRANGER.publicKey)).code).toBe('untrusted');
    requireAdmin(rlf, ADMIN.publicKey);
    requireAdmin({ ...rlf, ancestors: [STRANGER.publicKey] }, STRANGER.publicKey);
  });
});

describe('contradictions are refused by name', () => {
  test('seats', () => {
    const with_ = (distribution: Record<string, number>) =>
      complaint(unsignedRlf({ licenses: [{ distribution }] }));
    expect(with_({ A: 40, B: 30, C: 31 })).toContain(
      'code-1 (Acme, Application) gives the servers',
    );
    expect(with_({ A: 40, D: 30 })).toContain('"D", which is no server here');
    expect(with_({ A: -1 })).toContain('"A" is not a number from 0');
    expect(with_({ A: 0.5 })).toContain('"A" is not a whole number');
  });

  test('codes', () => {
    const code = signCode(GRANT, VENDOR);
    const twice = unsignedRlf({ licenses: [], more: licenseTable(code, null).repeat(2) });
    expect(complaint(twice)).toContain('code-1 (Acme, Application) is in the RLF twice');
    const forged = unsignedRlf({ licenses: [{ signer: STRANGER }] });
    expect(complaint(forged)).toContain('not signed by the key of vendor Acme');
    const other = unsignedRlf({ licenses: [{ grant: { vendor: 'Other' } }] });
    expect(complaint(other)).toContain('"Other", which has no key here');
    const customer = thumbprint(STRANGER.publicKey);
    const elsewhere = unsignedRlf({ licenses: [{ grant: { customer } }] });
    expect(complaint(elsewhere)).toContain('was made for another customer');
    const anyone = unsignedRlf({ licenses: [{ grant: { customer: null } }] });
    expect(readDraft(anyone).rlf.licenses.length).toBe(1);
    const many = { licenses: [{ grant: { limit: 9_999_999 } }, { grant: { version: '1' } }] };
    expect(complaint(unsignedRlf(many))).toContain('add up to 10000099 seats');
  });

  test('servers', () => {
    const text = unsignedRlf();
    expect(complaint(unsignedRlf({ servers: [], licenses: [] }))).toContain('no server');
    expect(complaint(unsignedRlf({ servers: [...'ABCDEFGHIJKL'], licenses: [] }))).toContain('11');
    expect(complaint(text.replace('name = "B"', 'name = "A"'))).toContain('the same name');
    expect(complaint(text.replace('name = "B"', 'name = "a"'))).toContain('the same name');
    expect(complaint(text.replace(':5931', ':5930'))).toContain('the same address');
    expect(
      complaint(text.replace('sha256:11', 'sha256:00').replaceAll('1'.repeat(62), '0'.repeat(62))),
    ).toContain('the same fingerprint');
  });

  test('vendors', () => {
    const table = (key: string) => `[[vendor]]\nname = "Acme"\nkey = "${key}"\n`;
    const more = table(VENDOR.publicKey);
    expect(complaint(unsignedRlf({ more }))).toContain('Two [[vendor]] tables');
    // A vendor that changes its key has two for a while, and codes by both.
    const licenses = [{}, { signer: STRANGER }];
    const both = readRlf(signedRlf({ licenses, more: table(STRANGER.publicKey) }));
    expect(both.licenses.length).toBe(2);
    expect(complaint(unsignedRlf({ licenses }))).toContain('not signed by the key');
  });
});

describe('the schema is exact', () => {
  test.each([
    ['an unknown field', 'sequence = 1', 'sequence = 1\nserial = 2', '"serial"'],
    ['one in a table', 'name = "A"', 'name = "A"\nport = 1', '[[server]] 1: "port"'],
    ['one of the prototype', 'name = "A"', 'name = "A"\n__proto__ = 1', '"__proto__"'],
    ['a text for a number', 'sequence = 1', 'sequence = "1"', '"sequence"'],
    ['zero', 'sequence = 1', 'sequence = 0', '"sequence"'],
    ['a fraction', 'sequence = 1', 'sequence = 1.5', '"sequence"'],
    ['not a number', 'sequence = 1', 'sequence = nan', '"sequence"'],
    ['too large', 'sequence = 1', 'sequence = 9223372036854775807', '"sequence"'],
    ['a date', 'sequence = 1', 'sequence = 2027-01-01', '"sequence"'],
    ['a number for a text', '"cad-east"', '5', '"name" is not a text'],
    ['a list for a table', '[pool]', '[[pool]]', 'pool'],
    ['a table for a list', '[[vendor]]', '[vendor]', '"vendor"'],
    ['control characters', '"cad-east"', '"cad\\u0007east"', 'is not a name'],
    ['bidirectional characters', '"cad-east"', '"cad\u202eeast"', 'is not a name'],
    ['a fingerprint in capitals', 'sha256:1', 'SHA256:1', 'fingerprint'],
    ['an address without port', '127.0.0.1:5930', '127.0.0.1', 'no port'],
    ['no pool', /\[pool\][^[]+/, '', '"pool" is missing'],
    ['broken TOML', 'sequence = 1', 'sequence = ', 'line 2, column'],
    ['a key twice', 'sequence = 1', 'sequence = 1\nsequence = 2', 'line 3'],
  ])('%s', (_, pattern, replacement, message) => {
    const text = unsignedRlf().replace(pattern, replacement);
    const failure = failureOf(() => readDraft(text));
    expect(failure.code).toBe('bad-data');
    expect(failure.message).toContain(message);
  });

  test('too large, too deep', () => {
    expect(complaint(`# ${'x'.repeat(3 * 1024 * 1024)}`)).toContain('larger than');
    expect(complaint(`a = ${'['.repeat(5000)}`)).toContain('not TOML');
    expect(complaint(`${unsignedRlf()}[${'a.'.repeat(20_000)}a]`)).toContain('lm knows');
  });
});
