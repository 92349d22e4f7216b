/**
 * Compact JWS (RFC 7515) with EdDSA and nothing else, signed and verified without waiting: RLFs are
 * applied inside the core, where nothing may be awaited.
 */
import { bytesOfBase64url } from './base64url.ts';
import { badData, Fields } from './fields.ts';
import { type SigningKey, verifies } from './keys.ts';

/** A JWS taken apart. Nothing in it counts before `verifiesJws` said so. */
export interface Jws {
  readonly payload: unknown;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

export function signJws(typ: string, payload: unknown, key: SigningKey): string {
  const parts = [{ alg: 'EdDSA', typ }, payload].map((part) => base64url(JSON.stringify(part)));
  const signed = parts.join('.');
  return `${signed}.${Buffer.from(key.sign(Buffer.from(signed))).toString('base64url')}`;
}

/**
 * Takes a token of this type apart. The algorithm is pinned: what a header may choose, an attacker
 * chooses. Throws `bad-data`; `what` names the token in messages.
 */
export function decodeJws(token: string, typ: string, what: string): Jws {
  const parts = token.split('.');
  const [header, payload, signature] = parts.map(bytesOfBase64url);
  if (parts.length !== 3 || !header || !payload || !signature) {
    throw badData(`${what} is not a signed token (a compact JWS).`);
  }
  const fields = new Fields(jsonOf(header, what), `${what}, in its header`);
  if (fields.has('crit')) throw fields.refuse('crit', 'asks for extensions that lm does not know');
  fields.text('alg', (alg) => (alg === 'EdDSA' ? null : 'is not EdDSA'));
  fields.text('typ', (text) => (text === typ ? null : `is not ${typ}`));
  if (fields.has('kid')) fields.text('kid', () => null);
  fields.end();
  const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')));
  return { payload: jsonOf(payload, what), signed, signature };
}

export function verifiesJws({ signed, signature }: Jws, publicKey: string): boolean {
  return verifies(publicKey, signed, signature);
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function jsonOf(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw badData(`${what} does not hold JSON.`);
  }
}
