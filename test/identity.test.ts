import { expect, test } from 'bun:test';
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { createIdentity, fingerprintOf } from '../src/net/identity.ts';

const identity = await createIdentity('A');
const certificate = new X509Certificate(identity.certificatePem);

test('a certificate is signed by its own key and names the server', () => {
  expect(certificate.subject).toBe('CN=A');
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(identity.keyPem))).toBe(true);
});

test('the key is EC P-256 in PKCS#8', () => {
  expect(identity.keyPem).toStartWith('-----BEGIN PRIVATE KEY-----');
  const key = createPrivateKey(identity.keyPem);
  expect(key.asymmetricKeyType).toBe('ec');
  expect(key.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
});

test('the certificate is valid from now on, for longer than any server runs', () => {
  expect(Date.parse(certificate.validFrom)).toBeLessThanOrEqual(Date.now());
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now() + 50 * 365 * 86_400_000);
});

test('the fingerprint is the SHA-256 of the public key, found from the private key too', () => {
  const publicKey = createPublicKey(createPrivateKey(identity.keyPem));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  expect(identity.fingerprint).toBe(`sha256:${createHash('sha256').update(spki).digest('hex')}`);
  expect(identity.fingerprint).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(fingerprintOf(certificate)).toBe(identity.fingerprint);
});

test('a renewed certificate of the same key keeps the fingerprint', async () => {
  const renewed = await generate([{ name: 'commonName', value: 'other' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    keyPair: {
      privateKey: identity.keyPem,
      publicKey: createPublicKey(createPrivateKey(identity.keyPem))
        .export({ type: 'spki', format: 'pem' })
        .toString(),
    },
  });
  expect(renewed.cert).not.toBe(identity.certificatePem);
  expect(fingerprintOf(new X509Certificate(renewed.cert))).toBe(identity.fingerprint);
});

test('no two identities are alike', async () => {
  const other = await createIdentity('A');
  expect(other.fingerprint).not.toBe(identity.fingerprint);
});

test('Bun.serve-style TLS takes it, and a client sees its fingerprint', async () => {
  let seen = '';
  const listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    tls: { key: identity.keyPem, cert: identity.certificatePem },
    socket: { data() {} },
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: listener.port,
    tls: { rejectUnauthorized: false },
    socket: {
      data() {},
      error: (_socket, error) => reject(error),
      handshake(peer) {
        const shown = peer.getPeerX509Certificate();
        seen = shown === undefined ? '' : fingerprintOf(shown);
        resolve();
      },
    },
  });
  await promise;
  socket.end();
  listener.stop(true);
  expect(seen).toBe(identity.fingerprint);
});
