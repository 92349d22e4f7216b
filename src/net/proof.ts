/**
 * A server's signature over a seat that it holds (DESIGN section 9): a compact JWS, ES256 by its
 * TLS key, over the client's nonce, so that neither an old proof nor another server's can stand in.
 */
import { createPrivateKey, type KeyObject, sign, verify } from 'node:crypto';

/** Ids and nonces are base64url; `exp` is in seconds since 1970. */
export interface ProofClaims {
  readonly nonce: string;
  readonly id: string;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly exp: number;
}

export const NONCE_BYTES_MIN = 16;
export const NONCE_BYTES_MAX = 64;

const HEADER = base64url(JSON.stringify({ alg: 'ES256', typ: 'lm-proof+jwt' }));

/** The proof, signed by the server's TLS key (PKCS#8 PEM, EC P-256). */
export function signProof(claims: ProofClaims, keyPem: string): string {
  const signed = `${HEADER}.${base64url(JSON.stringify(claims))}`;
  const key = { key: createPrivateKey(keyPem), dsaEncoding: 'ieee-p1363' } as const;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/** What the proof says, or null unless this very key signed it. */
export function readProof(jws: string, key: KeyObject): Readonly<Record<string, unknown>> | null {
  const [header, payload = '', signature = '', ...rest] = jws.split('.');
  // The header is compared whole: what it might choose otherwise, an attacker would.
  if (header !== HEADER || rest.length > 0) return null;
  const signed = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, 'base64url');
  try {
    if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, bytes)) return null;
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    if (typeof claims !== 'object' || claims === null) return null;
    return claims as Record<string, unknown>;
  } catch {
    return null;
  }
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
