/**
 * Signatures over documents: Ed25519 over a domain prefix, a zero byte and the RFC 8785 canonical
 * JSON. The domain keeps a signature made for one purpose from counting for another.
 */
import canonicalize from 'canonicalize';
import { assert } from '../errors.ts';
import { bytesOfBase64url } from './base64url.ts';
import { type SigningKey, verifies } from './keys.ts';

export type Domain = 'lm-rlf-v1' | 'lm-card-v1' | 'lm-admin-chain-v1' | 'lm-admin-v1';

export function canonicalText(document: unknown): string {
  const text = canonicalize(document);
  assert(text !== undefined, 'a document to sign is an object');
  return text;
}

/** The signature, base64url. */
export function signDocument(domain: Domain, document: unknown, key: SigningKey): string {
  return Buffer.from(key.sign(signedBytes(domain, canonicalText(document)))).toString('base64url');
}

export interface DocumentSignature {
  readonly publicKey: string;
  readonly signature: string;
}

export function verifiesDocument(
  domain: Domain,
  document: unknown,
  signature: DocumentSignature,
): boolean {
  return verifiesCanonical(domain, canonicalText(document), signature);
}

/** The same for who has the canonical text already. */
export function verifiesCanonical(
  domain: Domain,
  canonical: string,
  { publicKey, signature }: DocumentSignature,
): boolean {
  const bytes = bytesOfBase64url(signature);
  return bytes !== null && verifies(publicKey, signedBytes(domain, canonical), bytes);
}

/** Any text may stand where a signature is: whether it is one, verifying tells. */
export function signatureProblem(text: string): string | null {
  return bytesOfBase64url(text)?.length === 64 ? null : 'is not an Ed25519 signature';
}

function signedBytes(domain: Domain, canonical: string): Uint8Array {
  return Buffer.from(`${domain}\0${canonical}`);
}
