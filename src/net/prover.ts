/**
 * What a server signs with its TLS key for a client that wants to show it holds a seat: a proof,
 * for now, or a commuter's token (DESIGN section 10), by which the seat is used without the pool.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

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

/** `iat` is the pool's time, the ledger's mark; `exp` is when the seat has to be given up. */
export interface CommuterClaims extends ProofClaims {
  /** Fingerprint of the machine. */
  readonly machine: string;
  /** Who took it along, for people. */
  readonly user: string;
  readonly host: string;
  readonly days: number;
  /** An index of the ledger at which the seat was there. */
  readonly ledger: number;
}

export class Prover {
  readonly #key: KeyObject;
  /** The public key, as a header carries it. */
  readonly #jwk: Readonly<Record<string, unknown>>;

  constructor(keyPem: string) {
    this.#key = createPrivateKey(keyPem);
    const { kty, crv, x, y } = createPublicKey(this.#key).export({ format: 'jwk' });
    this.#jwk = { kty, crv, x, y };
  }

  /** A compact JWS (RFC 7515), ES256. */
  prove(claims: ProofClaims): string {
    return this.#sign({ alg: 'ES256', typ: 'lm-proof+jwt' }, claims);
  }

  /** The same, with its key: who reads it has no connection that shows it. */
  commuter(claims: CommuterClaims): string {
    return this.#sign({ alg: 'ES256', typ: 'lm-commuter+jwt', jwk: this.#jwk }, claims);
  }

  #sign(header: Readonly<Record<string, unknown>>, claims: ProofClaims): string {
    const signed = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.');
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
