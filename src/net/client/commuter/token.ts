/**
 * Whether a commuter's token is what it says, without asking anybody (DESIGN section 10): the
 * vendor's key signed a license code for an administrator, who signed an RLF that has the code and
 * names the server's TLS key, which signed the token.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { LmError } from '../../../engine/errors.ts';
import { bytesOfBase64url } from '../../../engine/license/base64url.ts';
import { licenseKey } from '../../../engine/license/distribution.ts';
import { badData, Fields } from '../../../engine/license/fields.ts';
import { applicationProblem, nameProblem } from '../../../engine/license/names.ts';
import { readRlf, requireAdmin } from '../../../engine/license/rlf.ts';
import type { Rlf } from '../../../engine/license/types.ts';
import { versionProblem } from '../../../engine/license/version.ts';
import {
  COMMUTER_DAY_MS,
  COMMUTER_DAYS_MAX,
  COMMUTER_SKEW_MS,
  HOLDER_CHARACTERS_MAX,
  MACHINE_CHARACTERS,
  SEATS_PER_REQUEST_MAX,
} from '../../../engine/limits.ts';

/** What a token says; times in milliseconds since 1970. */
export interface CommuterToken {
  readonly nonce: string;
  readonly id: string;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly server: string;
  readonly pool: string;
  readonly machine: string;
  readonly user: string;
  readonly host: string;
  readonly days: number;
  /** The pool's time when it was signed: no clock that is right shows less. */
  readonly issuedAt: number;
  readonly end: number;
  readonly ledger: number;
}

/** What vouches for the chain. At least one is there, unless nothing has to. */
export interface Anchors {
  readonly vendorKey: string | null;
  readonly admin: string | null;
  /** Fingerprints of servers. */
  readonly pins: readonly string[];
}

/**
 * @throws LmError `bad-data` where something was changed; `untrusted` where it is signed by other
 * keys than those that are trusted.
 */
export function verifyToken(token: string, rlfText: string, anchors: Anchors): CommuterToken {
  const rlf = readRlf(rlfText);
  const { admin, pins } = anchors;
  if (admin !== null) requireAdmin(rlf, admin);
  const { header, payload, signed, signature } = takeApart(token);
  const { key, fingerprint } = keyIn(header);
  if (!rlf.servers.some((server) => server.fingerprint === fingerprint)) {
    throw untrusted(`is signed by a key that the RLF of pool ${rlf.pool} does not name`);
  }
  if (pins.length > 0 && !pins.includes(fingerprint)) {
    throw untrusted('is signed by a server that is not trusted');
  }
  if (!verifies(signed, key, signature)) throw badData(`${WHAT} was changed.`, ANEW);
  const claims = claimsIn(payload);
  requireCode(rlf, claims, anchors.vendorKey);
  return claims;
}

/** What it says, unverified: to be shown, never to be acted upon. @throws LmError `bad-data`. */
export function peekToken(token: string): CommuterToken {
  return claimsIn(takeApart(token).payload);
}

/** A code of the vendor lets such seats leave for so long, and lasts until then. */
function requireCode(rlf: Rlf, claims: CommuterToken, vendorKey: string | null): void {
  const { vendor, end, issuedAt } = claims;
  const named = rlf.vendors.find(({ name }) => name === vendor);
  if (vendorKey !== null && named?.key !== vendorKey) {
    throw untrusted(`is for a license of vendor ${vendor}, by another key than the one given`);
  }
  // The mark by which a token is dated lags a little behind the clocks that its end is counted by.
  const longMs = end - issuedAt - COMMUTER_SKEW_MS;
  const allows = rlf.licenses.some(({ code }) => {
    const isMeant = licenseKey(code) === licenseKey(claims);
    const lasts = code.expires === null || code.expires >= end;
    return isMeant && lasts && code.commuterDays * COMMUTER_DAY_MS >= longMs;
  });
  if (!allows) throw badData(`${WHAT} says more than any license code of the RLF allows.`, ANEW);
}

interface Parts {
  readonly header: unknown;
  readonly payload: unknown;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

function takeApart(token: string): Parts {
  const [header, payload, signature, ...rest] = token.split('.').map(bytesOfBase64url);
  if (!header || !payload || !signature || rest.length > 0) throw malformed();
  const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')));
  return { header: jsonIn(header), payload: jsonIn(payload), signed, signature };
}

/** The algorithm and the type are pinned, and the key counts only once the RLF names it. */
function keyIn(header: unknown): { readonly key: KeyObject; readonly fingerprint: string } {
  const fields = new Fields(header, `${WHAT}, in its header`);
  fields.text('alg', (alg) => (alg === 'ES256' ? null : 'is not ES256'));
  fields.text('typ', (typ) => (typ === TYPE ? null : `is not ${TYPE}`));
  const jwk = fields.table('jwk');
  const kty = jwk.text('kty', (text) => (text === 'EC' ? null : 'is not EC'));
  const crv = jwk.text('crv', (text) => (text === 'P-256' ? null : 'is not P-256'));
  const [x, y] = ['x', 'y'].map((name) => jwk.text(name, coordinateProblem));
  jwk.end();
  fields.end();
  try {
    const key = createPublicKey({ key: { kty, crv, x: x ?? '', y: y ?? '' }, format: 'jwk' });
    const spki = key.export({ type: 'spki', format: 'der' });
    return { key, fingerprint: `sha256:${createHash('sha256').update(spki).digest('hex')}` };
  } catch {
    throw malformed();
  }
}

function verifies(signed: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}

function claimsIn(payload: unknown): CommuterToken {
  const fields = new Fields(payload, WHAT);
  return {
    nonce: fields.text('nonce', short),
    id: fields.text('id', short),
    vendor: fields.text('vendor', nameProblem),
    application: fields.text('application', applicationProblem),
    version: fields.text('version', versionProblem),
    count: fields.integer('count', { min: 1, max: SEATS_PER_REQUEST_MAX }),
    server: fields.text('server', nameProblem),
    pool: fields.text('pool', nameProblem),
    machine: fields.text('machine', machineProblem),
    user: fields.text('user', short),
    host: fields.text('host', short),
    days: fields.integer('days', { min: 1, max: COMMUTER_DAYS_MAX }),
    issuedAt: 1_000 * fields.integer('iat', SECONDS),
    end: 1_000 * fields.integer('exp', SECONDS),
    ledger: fields.integer('ledger', { min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
}

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw malformed();
  }
}

function short(text: string): string | null {
  return text.length <= HOLDER_CHARACTERS_MAX ? null : 'is too long';
}

function machineProblem(text: string): string | null {
  return text.length === MACHINE_CHARACTERS ? null : 'is not the fingerprint of a machine';
}

function coordinateProblem(text: string): string | null {
  return bytesOfBase64url(text)?.length === 32 ? null : 'is not a coordinate';
}

function malformed(): LmError {
  return badData(`${WHAT} is not a signed token (a compact JWS).`, ANEW);
}

function untrusted(why: string): LmError {
  return new LmError('untrusted', `${WHAT} ${why}.`, 'Ask whoever runs the pool.');
}

const WHAT = "The commuter's token";
const TYPE = 'lm-commuter+jwt';
const ANEW = 'Check the seat in, and out again: lm commute in, lm commute out.';
const SECONDS = { min: 0, max: 253_402_300_799 };
