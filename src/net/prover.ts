/** Proofs: what a server signs with its TLS key for a client that wants to show it holds a seat. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';

export interface ProofClaims {
  readonly nonce: string;
  readonly id: string;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly server: string;
  readonly pool: string;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
}

export class Prover {
  readonly #key: KeyObject;

  constructor(keyPem: string) {
    this.#key = createPrivateKey(keyPem);
  }

  /** A compact JWS (RFC 7515), ES256. */
  prove(claims: ProofClaims): string {
    const header = base64url(JSON.stringify({ alg: 'ES256', typ: 'lm-proof+jwt' }));
    const signed = `${header}.${base64url(JSON.stringify(claims))}`;
    const signature = sign('sha256', Buffer.from(signed), {
      key: this.#key,
      dsaEncoding: 'ieee-p1363',
    });
    return `${signed}.${signature.toString('base64url')}`;
  }
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
