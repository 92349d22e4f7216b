/** A server's TLS identity: who it is to clients and to the other servers (DESIGN section 5). */
import { createHash, X509Certificate } from 'node:crypto';
import type { Identity } from '../engine/identity.ts';

export type { Identity } from '../engine/identity.ts';

const VALID_YEARS = 100;

/** Makes a new key (EC P-256) and a self-signed certificate whose common name is the server's. */
export async function createIdentity(name: string): Promise<Identity> {
  const { generate } = await import('selfsigned');
  const notAfterDate = new Date();
  notAfterDate.setUTCFullYear(notAfterDate.getUTCFullYear() + VALID_YEARS);
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate,
  });
  return {
    keyPem: made.private,
    certificatePem: made.cert,
    fingerprint: fingerprintOf(new X509Certificate(made.cert)),
  };
}

/** Pins the public key, not the certificate: a renewed certificate keeps its fingerprint. */
export function fingerprintOf(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}
