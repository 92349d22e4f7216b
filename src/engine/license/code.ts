/** License codes (FIG. 3): one vendor-signed grant each, a JWS of type `lm-license+jwt`. */
import {
  CODE_BYTES_MAX,
  COMMUTER_DAYS_MAX,
  KEY_LIFETIME_MS_DEFAULT,
  KEY_LIFETIME_MS_MAX,
  KEY_LIFETIME_MS_MIN,
  SEATS_MAX,
} from '../limits.ts';
import { badData, Fields } from './fields.ts';
import { decodeJws, type Jws, signJws, verifiesJws } from './jws.ts';
import { type SigningKey, thumbprintProblem } from './keys.ts';
import { applicationProblem, codeIdProblem, nameProblem } from './names.ts';
import type { LicenseCode, OnExpiry } from './types.ts';
import { VerifiedCodes } from './verified-codes.ts';
import { versionProblem } from './version.ts';

/** Signs a grant with its vendor's key. Throws `bad-data` for a grant that no reader would take. */
export function signCode(grant: LicenseCode, key: SigningKey): string {
  const token = signJws(TYPE, claimsOf(grant), key);
  readCode(token, () => [key.publicKey]);
  return token;
}

/**
 * Reads a code and verifies that a key of the vendor it names signed it: a vendor that changes its
 * key has two for a while. Throws `bad-data`.
 */
export function readCode(
  token: string,
  keysOf: (vendor: string) => readonly string[],
): LicenseCode {
  const known = VERIFIED.get(token, keysOf);
  if (known !== null) return known;
  const { grant, jws } = takeApart(token);
  for (const key of keysOf(grant.vendor)) {
    if (!verifiesJws(jws, key)) continue;
    VERIFIED.add(token, key, grant);
    return grant;
  }
  const { id, vendor } = grant;
  const message = `The license code ${id} is not signed by the key of vendor ${vendor}.`;
  throw badData(message, 'It has been changed, or belongs to another key. Get it from the vendor.');
}

/** What a code says, its signature unverified: to be shown, never to be acted upon. */
export function peekCode(token: string): LicenseCode {
  return takeApart(token).grant;
}

function takeApart(token: string): { grant: LicenseCode; jws: Jws } {
  if (token.length > CODE_BYTES_MAX) {
    throw badData(`A license code is longer than ${CODE_BYTES_MAX} bytes.`);
  }
  const jws = decodeJws(token, TYPE, 'The license code');
  return { grant: grantOf(new Fields(jws.payload, 'The license code')), jws };
}

/** The claims, by their JWT names where RFC 7519 has one. Durations and times in whole seconds. */
function claimsOf(grant: LicenseCode): Record<string, unknown> {
  return {
    iss: grant.vendor,
    sub: grant.application,
    version: grant.version,
    limit: grant.limit,
    jti: grant.id,
    iat: seconds(grant.issuedAt),
    ...(grant.notBefore === null ? {} : { nbf: seconds(grant.notBefore) }),
    ...(grant.expires === null ? {} : { exp: seconds(grant.expires) }),
    ...(grant.customer === null ? { any_customer: true } : { aud: grant.customer }),
    ...(grant.keyLifetimeMs === KEY_LIFETIME_MS_DEFAULT
      ? {}
      : { key_lifetime: seconds(grant.keyLifetimeMs) }),
    ...(grant.commuterDays === 0
      ? {}
      : { commuter_days: grant.commuterDays, commuter_share: grant.commuterShare }),
    ...(grant.onExpiry === 'stop' ? {} : { on_expiry: grant.onExpiry }),
  };
}

/** A claim that lm does not know could be a restriction: such a code is refused, not bent. */
function grantOf(claims: Fields): LicenseCode {
  const grant: LicenseCode = {
    id: claims.text('jti', codeIdProblem),
    vendor: claims.text('iss', nameProblem),
    application: claims.text('sub', applicationProblem),
    version: claims.text('version', versionProblem),
    limit: claims.integer('limit', { min: 1, max: SEATS_MAX }),
    issuedAt: time(claims, 'iat'),
    notBefore: claims.has('nbf') ? time(claims, 'nbf') : null,
    expires: claims.has('exp') ? time(claims, 'exp') : null,
    customer: customer(claims),
    keyLifetimeMs: keyLifetimeMs(claims),
    ...commuting(claims),
    onExpiry: onExpiry(claims),
  };
  claims.end();
  if (grant.expires !== null && grant.expires <= (grant.notBefore ?? 0)) {
    throw claims.refuse('exp', 'is not after the start ("nbf")');
  }
  return grant;
}

/** Absent means anyone's, but only where the vendor says so in so many words. */
function customer(claims: Fields): string | null {
  const anyone = claims.has('any_customer') && claims.boolean('any_customer');
  if (claims.has('aud')) {
    if (anyone) throw claims.refuse('aud', 'names a customer, and "any_customer" says anyone');
    return claims.text('aud', thumbprintProblem);
  }
  if (anyone) return null;
  throw claims.refuse('aud', 'is missing: it names the customer');
}

function keyLifetimeMs(claims: Fields): number {
  if (!claims.has('key_lifetime')) return KEY_LIFETIME_MS_DEFAULT;
  const range = { min: Math.ceil(KEY_LIFETIME_MS_MIN / 1000), max: KEY_LIFETIME_MS_MAX / 1000 };
  return claims.integer('key_lifetime', range) * 1000;
}

function commuting(claims: Fields): Pick<LicenseCode, 'commuterDays' | 'commuterShare'> {
  if (!claims.has('commuter_days')) return { commuterDays: 0, commuterShare: 0 };
  return {
    commuterDays: claims.integer('commuter_days', { min: 1, max: COMMUTER_DAYS_MAX }),
    commuterShare: claims.has('commuter_share')
      ? claims.number('commuter_share', { min: 0, max: 1 })
      : 1,
  };
}

/** Codes say nothing of it unless seats run on: what was signed before there was a choice stops. */
function onExpiry(claims: Fields): OnExpiry {
  if (!claims.has('on_expiry')) return 'stop';
  const isKnown = (text: string) => text === 'finish' || text === 'stop';
  const value = claims.text('on_expiry', (text) => {
    return isKnown(text) ? null : 'is neither "finish" nor "stop"';
  });
  return value === 'finish' ? 'finish' : 'stop';
}

function time(claims: Fields, name: string): number {
  return claims.integer(name, { min: 0, max: TIME_MAX }) * 1000;
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

const VERIFIED = new VerifiedCodes();
const TYPE = 'lm-license+jwt';
/** The last second of the year 9999: what ISO 8601 writes without more digits. */
const TIME_MAX = 253_402_300_799;
