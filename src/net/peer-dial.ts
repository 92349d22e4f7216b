/** Dials another server: TCP, and TLS 1.3 with this server's key; the other's is compared. */
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { LmError } from '../engine/errors.ts';
import type { Identity } from '../engine/identity.ts';
import { parseAddress } from '../engine/license/address.ts';
import type { RlfServer } from '../engine/license/types.ts';
import { fingerprintOf } from './identity.ts';

/**
 * A socket under way. node:tls, not Bun.connect: a dial of the latter can't be given up, and one
 * that nothing answers keeps its descriptor for two minutes.
 */
export function dialPeer(server: RlfServer, identity: Identity): TLSSocket {
  const { host, port } = parseAddress(server.address);
  return connect({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    key: identity.keyPem,
    cert: identity.certificatePem,
    minVersion: 'TLSv1.3',
    // Certificates are self-signed and may be renewed: the pin on the key decides.
    rejectUnauthorized: false,
  });
}

/** @throws LmError `untrusted` unless the other side proved to have the key that the RLF names. */
export function checkPin(socket: TLSSocket, { address, fingerprint }: RlfServer): void {
  const certificate = socket.getPeerX509Certificate();
  const shown = certificate === undefined ? null : fingerprintOf(certificate);
  if (shown === fingerprint) return;
  throw new LmError(
    'untrusted',
    `What answers at ${address} does not have the key that the RLF names for it.`,
    'Check the address in the RLF, and which data directory the server there runs on.',
    { expected: fingerprint, shown },
  );
}

/** Lets go of a socket, whatever state it is in. */
export function abandon(socket: TLSSocket): void {
  // A destroyed socket may still report an error.
  socket.removeAllListeners().on('error', () => undefined);
  socket.destroy();
}
