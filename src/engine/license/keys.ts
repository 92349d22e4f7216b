/** Ed25519 keys of vendors and administrators, as texts that fit a line of a file or a mail. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { LmError } from '../errors.ts';
import { bytesOfBase64url } from './base64url.ts';

/** A private key that signs, and the public key that goes with it. */
export interface SigningKey {
  /** `ed25519:` and the base64url of the 32 bytes. */
  readonly publicKey: string;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

/** Reads a private key as `lm keys new` writes it, PKCS#8 PEM. Throws `config`, quoting nothing. */
export function signingKeyFromPem(pem: string): SigningKey {
  const key = privateKeyFromPem(pem);
  return {
    publicKey: publicKeyText(createPublicKey(key)),
    sign: (bytes) => sign(null, bytes, key),
  };
}

export function publicKeyProblem(text: string): string | null {
  const bytes = text.startsWith(PREFIX) ? bytesOfBase64url(text.slice(PREFIX.length)) : null;
  if (bytes?.length === PUBLIC_KEY_BYTES) return null;
  return 'is not a public key (ed25519: and 43 characters of base64url)';
}

/** False for a signature that is malformed as for one that is wrong. `publicKey` is well-formed. */
export function verifies(publicKey: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  try {
    return verify(null, bytes, keyObjectOf(publicKey), signature);
  } catch {
    return false;
  }
}

/** Thousands of codes are signed by few keys, and taking a key's text apart takes as long. */
function keyObjectOf(publicKey: string): KeyObject {
  const known = KEY_OBJECTS.get(publicKey);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: jwkOf(publicKey), format: 'jwk' });
  if (KEY_OBJECTS.size >= KEY_OBJECTS_MAX) KEY_OBJECTS.clear();
  KEY_OBJECTS.set(publicKey, key);
  return key;
}

const KEY_OBJECTS = new Map<string, KeyObject>();
const KEY_OBJECTS_MAX = 64;

/** The RFC 7638 thumbprint of a public key: how a license code names its customer. */
export function thumbprint(publicKey: string): string {
  const { crv, kty, x } = jwkOf(publicKey);
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}

export function thumbprintProblem(text: string): string | null {
  return bytesOfBase64url(text)?.length === THUMBPRINT_BYTES ? null : 'is not a key thumbprint';
}

export function publicKeyText(key: KeyObject): string {
  return `${PREFIX}${key.export({ format: 'jwk' }).x ?? ''}`;
}

function privateKeyFromPem(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    const hint = 'Make one with `lm keys new FILE`; an encrypted key has to be decrypted first.';
    throw new LmError('config', 'This is not a private key in PKCS#8 PEM.', hint);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  const kind = String(key.asymmetricKeyType).toUpperCase();
  throw new LmError('config', `This is a private key of another kind (${kind}).`, 'Use Ed25519.');
}

function jwkOf(publicKey: string): { crv: string; kty: string; x: string } {
  return { crv: 'Ed25519', kty: 'OKP', x: publicKey.slice(PREFIX.length) };
}

const PREFIX = 'ed25519:';
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const THUMBPRINT_BYTES = 32;
