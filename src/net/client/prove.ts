/**
 * Proofs (DESIGN section 9): a server signs, with its TLS key, that it granted this seat: a compact
 * JWS over the client's nonce, so that neither an old proof nor another server's can stand in.
 */
import { type KeyObject, randomBytes, verify } from 'node:crypto';
import { LmError } from '../../engine/errors.ts';
import { versionKey } from '../../engine/license/version.ts';
import { keyId } from '../../engine/seat-key.ts';
import { MessageType, type Prove } from '../protocol.ts';
import { type Connection, failureIn, unexpected } from './connection.ts';
import { errorFrom } from './replies.ts';
import type { Granted } from './waiter.ts';

const NONCE_BYTES = 32;

/** What the server signs of a seat for this nonce. @throws LmError what it says instead. */
export async function askProof(
  connection: Connection,
  key: Uint8Array,
  nonce: Uint8Array,
): Promise<string> {
  const build = (sequence: number): Prove => [MessageType.prove, sequence, key, nonce];
  const { message } = await connection.call(build);
  if (message[0] === MessageType.proof) return message[2];
  if (message[0] !== MessageType.gone) throw failureIn(message) ?? unexpected(connection.address);
  const [, , code, text, hint] = message;
  throw errorFrom(code, text, hint);
}

export function newNonce(): Buffer {
  return randomBytes(NONCE_BYTES);
}

/** @throws LmError `untrusted` where the proof is wrong; or what the connection or server says. */
export async function proveSeat(connection: Connection, granted: Granted): Promise<void> {
  const nonce = newNonce();
  const proof = await askProof(connection, granted.key, nonce);
  const claims = readProof(proof, connection.certificate.publicKey);
  if (claims !== null && agrees(claims, granted, nonce)) return;
  throw new LmError(
    'untrusted',
    `The server at ${connection.address} can't prove that it granted this seat.`,
    'Do not run on it; tell whoever runs the pool.',
  );
}

function agrees(
  claims: Readonly<Record<string, unknown>>,
  { key, vendor, application, version, count }: Granted,
  nonce: Buffer,
): boolean {
  const expected = {
    nonce: nonce.toString('base64url'),
    id: Buffer.from(keyId(key)).toString('base64url'),
    ...{ vendor, application, count },
  };
  const proven = claims['version'];
  return (
    Object.entries(expected).every(([name, value]) => claims[name] === value) &&
    // 1 and 1.0 are one version.
    typeof proven === 'string' &&
    versionKey(proven) === versionKey(version) &&
    typeof claims['exp'] === 'number'
  );
}

/** What a proof says, or null unless this very key signed it. */
function readProof(jws: string, key: KeyObject): Readonly<Record<string, unknown>> | null {
  const [header = '', payload = '', signature = '', ...rest] = jws.split('.');
  if (rest.length > 0) return null;
  const signed = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, 'base64url');
  try {
    const { alg, typ, crit } = jsonIn(header) ?? {};
    if (alg !== 'ES256' || typ !== 'lm-proof+jwt' || crit !== undefined) return null;
    if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, bytes)) return null;
    return jsonIn(payload);
  } catch {
    return null;
  }
}

function jsonIn(part: string): Readonly<Record<string, unknown>> | null {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}
