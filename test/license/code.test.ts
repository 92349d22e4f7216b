import { describe, expect, test } from 'bun:test';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint, jwtVerify, SignJWT } from 'jose';
import { peekCode, readCode, signCode } from '../../src/engine/license/code.ts';
import { decodeJws } from '../../src/engine/license/jws.ts';
import { publicKeyProblem, signingKeyFromPem, thumbprint } from '../../src/engine/license/keys.ts';
import type { LicenseCode } from '../../src/engine/license/types.ts';
import { ADMIN, failureOf, GRANT, makePem, STRANGER, VENDOR } from './samples.ts';

const readWith = (token: string, key = VENDOR) => readCode(token, () => [key.publicKey]);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = { alg: 'EdDSA', typ: 'lm-license+jwt' };
const CLAIMS = {
  iss: 'Acme',
  sub: 'Application',
  version: '1.0',
  limit: 100,
  jti: 'code-1',
  iat: 1_767_225_600,
  aud: GRANT.customer,
};

/** Signed as it is, whatever it says. */
function token(claims: unknown, header: unknown = HEADER): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${Buffer.from(VENDOR.sign(Buffer.from(signed))).toString('base64url')}`;
}

describe('license codes', () => {
  test('what was signed is read again', () => {
    expect(readWith(signCode(GRANT, VENDOR))).toEqual(GRANT);
    const plain: LicenseCode = {
      ...GRANT,
      notBefore: null,
      expires: null,
      customer: null,
      keyLifetimeMs: 600_000,
      commuterDays: 0,
      commuterShare: 0,
    };
    expect(readWith(signCode(plain, VENDOR))).toEqual(plain);
  });

  test('any grant in bounds makes the round trip', () => {
    const seconds = fc.integer({ min: 1, max: 4_000_000_000 }).map((s) => s * 1000);
    const grant = fc.record({
      id: fc.stringMatching(/^[A-Za-z0-9._:-]{1,63}$/),
      vendor: fc.stringMatching(/^[A-Za-z0-9_-]{1,63}$/),
      application: fc
        .stringMatching(/^[A-Za-z ÄÖÜ設計()+"\\]{1,40}$/)
        .filter((s) => s === s.trim()),
      version: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }).map((f) => f.join('.')),
      limit: fc.integer({ min: 1, max: 10_000_000 }),
      issuedAt: seconds,
      notBefore: fc.constant(null),
      expires: fc.option(seconds),
      customer: fc.option(fc.constant(GRANT.customer)),
      keyLifetimeMs: fc.integer({ min: 26, max: 86_400 }).map((s) => s * 1000),
      commuterDays: fc.integer({ min: 1, max: 366 }),
      commuterShare: fc.double({ min: 0, max: 1, noNaN: true }).map(Math.abs),
      onExpiry: fc.constantFrom('finish' as const, 'stop' as const),
    });
    fc.assert(
      fc.property(grant, (given) => {
        expect(readWith(signCode(given, VENDOR))).toEqual(given);
      }),
      { numRuns: 200 },
    );
  });

  test('another key than the vendor’s: refused', () => {
    const failure = failureOf(() => readWith(signCode(GRANT, VENDOR), STRANGER));
    expect(failure.code).toBe('bad-data');
    expect(failure.message).toContain('not signed by the key of vendor Acme');
  });

  test('one changed character anywhere: refused, or not seen as anything else', () => {
    const good = signCode(GRANT, VENDOR);
    for (let i = 0; i < good.length; i++) {
      const changed = `${good.slice(0, i)}${good[i] === 'A' ? 'B' : 'A'}${good.slice(i + 1)}`;
      expect(failureOf(() => readWith(changed)).code).toBe('bad-data');
    }
  });

  test('truncated or padded: refused', () => {
    const good = signCode(GRANT, VENDOR);
    for (let end = 0; end < good.length; end += 7) {
      expect(failureOf(() => readWith(good.slice(0, end))).code).toBe('bad-data');
    }
    for (const changed of [`${good}=`, `${good}A`, ` ${good}`, `${good}.`, `${good}\n`]) {
      expect(failureOf(() => readWith(changed)).code).toBe('bad-data');
    }
    expect(failureOf(() => readWith('x'.repeat(9000))).message).toContain('longer than');
  });

  test('any text at all is refused without a defect', () => {
    fc.assert(
      fc.property(fc.string({ size: 'max', maxLength: 9000 }), (text) => {
        expect(failureOf(() => peekCode(text)).code).toBe('bad-data');
      }),
      { numRuns: 200 },
    );
  });
});

describe('the header is pinned', () => {
  test.each([
    ['alg none', { alg: 'none', typ: 'lm-license+jwt' }],
    ['another algorithm', { alg: 'HS256', typ: 'lm-license+jwt' }],
    ['no algorithm', { typ: 'lm-license+jwt' }],
    ['another type', { alg: 'EdDSA', typ: 'JWT' }],
    ['no type', { alg: 'EdDSA' }],
    ['an extension that must be understood', { ...HEADER, crit: ['exp'] }],
    ['a key of its own', { ...HEADER, jwk: {} }],
    ['no object', ['EdDSA']],
    ['null', null],
  ])('%s', (_, header) => {
    expect(failureOf(() => readWith(token(CLAIMS, header))).code).toBe('bad-data');
  });

  test('a key identifier does no harm', () => {
    expect(readWith(token(CLAIMS, { ...HEADER, kid: 'k1' })).limit).toBe(100);
  });
});

describe('claims are exact', () => {
  test('the plain ones are read', () => {
    expect(readWith(token(CLAIMS)).application).toBe('Application');
  });

  test.each([
    ['limit', 0],
    ['limit', -1],
    ['limit', 1.5],
    ['limit', '100'],
    ['limit', 10_000_001],
    ['limit', null],
    ['iss', 'A b'],
    ['iss', ''],
    ['iss', ['Acme']],
    ['sub', 'a\u0007'],
    ['sub', 'a\u202eb'],
    ['sub', 'x'.repeat(256)],
    ['version', '1.x'],
    ['version', 1],
    ['iat', -1],
    ['iat', 1.5],
    ['iat', 'now'],
    ['nbf', 1e18],
    ['exp', 0],
    ['jti', ''],
    ['jti', 'a b'],
    ['jti', 'x'.repeat(64)],
    ['aud', 'someone'],
    ['aud', [GRANT.customer]],
    ['any_customer', true],
    ['any_customer', 'yes'],
    ['key_lifetime', 25],
    ['key_lifetime', 86_401],
    ['key_lifetime', 60.5],
    ['commuter_days', 0],
    ['commuter_days', 367],
    ['commuter_share', 0.5],
    ['hard_limit', 5],
    ['__proto__x', 5],
  ])('%s %p: refused by name', (name, value) => {
    const failure = failureOf(() => readWith(token({ ...CLAIMS, [name]: value })));
    expect(failure.code).toBe('bad-data');
    expect(failure.message).toContain(name === 'any_customer' && value === true ? 'aud' : name);
  });

  test.each(['iss', 'sub', 'version', 'limit', 'jti', 'iat', 'aud'])('without %s', (name) => {
    const { [name as keyof typeof CLAIMS]: _, ...rest } = CLAIMS;
    expect(failureOf(() => readWith(token(rest))).message).toContain(`"${name}" is missing`);
  });

  test('any customer only in so many words', () => {
    const { aud: _, ...rest } = CLAIMS;
    expect(readWith(token({ ...rest, any_customer: true })).customer).toBeNull();
    expect(failureOf(() => readWith(token({ ...rest, any_customer: false }))).code).toBe(
      'bad-data',
    );
  });

  test('an end that is not after the start: refused', () => {
    const dates = { nbf: 2_000_000_000, exp: 2_000_000_000 };
    expect(failureOf(() => readWith(token({ ...CLAIMS, ...dates }))).message).toContain('exp');
  });

  test('nobody signs what nobody reads', () => {
    expect(failureOf(() => signCode({ ...GRANT, limit: 0 }, VENDOR)).code).toBe('bad-data');
  });
});

describe('jose, a library that others use', () => {
  const pem = makePem();
  const privateKey = createPrivateKey(pem);
  const key = signingKeyFromPem(pem);

  test('verifies our codes', async () => {
    const { payload, protectedHeader } = await jwtVerify(
      signCode(GRANT, key),
      createPublicKey(privateKey),
      {
        algorithms: ['EdDSA'],
        audience: thumbprint(ADMIN.publicKey),
        currentDate: new Date(GRANT.issuedAt + 3 * 86_400_000),
        issuer: 'Acme',
        typ: 'lm-license+jwt',
      },
    );
    expect(payload).toMatchObject({ sub: 'Application', limit: 100, key_lifetime: 60 });
    expect(protectedHeader.alg).toBe('EdDSA');
  });

  test('signs codes that we verify', async () => {
    const made = await new SignJWT({ version: '2.1', limit: 7, any_customer: true })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'lm-license+jwt' })
      .setIssuer('Acme')
      .setSubject('Größe')
      .setJti('from-jose')
      .setIssuedAt(1_767_225_600)
      .setExpirationTime(1_800_000_000)
      .sign(privateKey);
    expect(readWith(made, key)).toMatchObject({ id: 'from-jose', application: 'Größe', limit: 7 });
  });

  test('has the same thumbprints', async () => {
    const jwk = createPublicKey(privateKey).export({ format: 'jwk' });
    expect(thumbprint(key.publicKey)).toBe(await calculateJwkThumbprint(jwk, 'sha256'));
  });
});

describe('keys', () => {
  test('a public key has one spelling', () => {
    const { publicKey } = VENDOR;
    expect(publicKeyProblem(publicKey)).toBeNull();
    const wrong = ['', 'ed25519:', publicKey.slice(0, -1), `${publicKey}A`, `${publicKey}=`];
    for (const text of [...wrong, publicKey.replace('ed', 'ED'), ` ${publicKey}`]) {
      expect(publicKeyProblem(text)).not.toBeNull();
    }
  });

  test('what is no private key, and another kind of key: config', () => {
    for (const pem of ['', 'x', makePem().slice(0, 70)]) {
      expect(failureOf(() => signingKeyFromPem(pem)).code).toBe('config');
    }
  });

  test('signatures of the wrong length are wrong, not a defect', () => {
    const { signed, signature } = decodeJws(signCode(GRANT, VENDOR), HEADER.typ, 'the code');
    const short = Buffer.from(signature.subarray(1)).toString('base64url');
    const text = `${Buffer.from(signed).toString()}.${short}`;
    expect(failureOf(() => readWith(text)).code).toBe('bad-data');
  });
});
