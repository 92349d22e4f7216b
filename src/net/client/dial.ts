/**
 * From an address to a connection: TCP, TLS 1.3, the pin, the hello. Nothing is sent before the
 * server's key was found to be a trusted one (DESIGN section 9).
 */
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { LmError } from '../../engine/errors.ts';
import { type Address, formatAddress } from '../../engine/license/address.ts';
import { fingerprintOf } from '../identity.ts';
import { type HolderFields, MessageType, PROTOCOL_MAX, PROTOCOL_MIN } from '../protocol.ts';
import { Connection, lostConnection, type PeerSeen, silent } from './connection.ts';
import { DIAL_MS_MAX } from './limits.ts';
import { linkedSignal } from './linked-signal.ts';
import type { Scheduler } from './scheduler.ts';

/** What a client says about itself in every hello. */
export interface Introduction {
  readonly agent: string;
  readonly instance: Uint8Array;
  readonly holder: HolderFields;
}

export interface DialOptions {
  readonly introduction: Introduction;
  /** The pool that is meant, or null where any will do. */
  readonly pool: string | null;
  /** Says why a server with this key must not be spoken to, or null. */
  readonly refuses: (fingerprint: string, address: string) => LmError | null;
  readonly scheduler: Scheduler;
  readonly signal: AbortSignal;
}

/** @throws LmError `unreachable`, `untrusted`, `protocol`, or what the server said. */
export async function dial(target: Address, options: DialOptions): Promise<Connection> {
  const { introduction, pool, scheduler } = options;
  const { agent, instance, holder } = introduction;
  const address = formatAddress(target);
  const { signal, abort, unlink } = linkedSignal(options.signal);
  const cancel = scheduler.after(DIAL_MS_MAX, () => abort(silent(address)));
  let socket: TLSSocket | null = null;
  try {
    socket = await secureSocket(target, signal);
    const peer = peerSeen(socket, address);
    const refusal = options.refuses(peer.fingerprint, address);
    if (refusal !== null) throw refusal;
    const connection = new Connection(socket, peer, scheduler);
    const giveUp = () => connection.close(asLmError(signal.reason, address));
    signal.addEventListener('abort', giveUp);
    const versions = [PROTOCOL_MIN, PROTOCOL_MAX] as const;
    const { hello } = MessageType;
    await connection.greet((n) => [
      hello,
      ...([n, ...versions, 'client', pool, agent, instance, holder] as const),
    ]);
    signal.removeEventListener('abort', giveUp);
    return connection;
  } catch (error) {
    socket?.destroy();
    throw error;
  } finally {
    cancel();
    unlink();
  }
}

function secureSocket({ host, port }: Address, signal: AbortSignal): Promise<TLSSocket> {
  const address = formatAddress({ host, port });
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: 'TLSv1.3',
      // Certificates are self-signed and may be renewed: the pin on the key decides.
      rejectUnauthorized: false,
    });
    const fail = (error: unknown) => {
      // A destroyed socket may still report an error.
      socket.removeAllListeners().on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => fail(dialFailure(address, error)));
    socket.on('close', () => fail(lostConnection(address)));
    socket.on('secureConnect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.setNoDelay(true);
      resolve(socket);
    });
    if (signal.aborted) onAbort();
  });
}

function peerSeen(socket: TLSSocket, address: string): PeerSeen {
  const certificate = socket.getPeerX509Certificate();
  if (certificate !== undefined) {
    return { address, certificate, fingerprint: fingerprintOf(certificate) };
  }
  throw new LmError('untrusted', `The server at ${address} shows no certificate.`, CHECK_ADDRESS);
}

function dialFailure(address: string, error: Error): LmError {
  const code = 'code' in error ? String(error.code) : '';
  if (UNREACHABLE.has(code)) {
    const because = UNREACHABLE.get(code);
    return new LmError('unreachable', `${address} can't be reached: ${because}.`, CHECK_ADDRESS, {
      address,
      reason: code,
    });
  }
  if (/SSL|TLS|EPROTO/.test(`${code} ${error.message}`)) {
    const message = `What answers at ${address} does not speak TLS 1.3.`;
    return new LmError('protocol', message, CHECK_ADDRESS, { address });
  }
  return lostConnection(address, code === '' ? error.message.slice(0, 200) : code);
}

const UNREACHABLE: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'its name could not be looked up'],
  ['ETIMEDOUT', 'it does not answer'],
  ['EHOSTUNREACH', 'there is no way to this host'],
  ['ENETUNREACH', 'there is no way to this network'],
  ['ECONNRESET', 'the connection was reset'],
]);

const CHECK_ADDRESS = 'Check the address, and that the server runs.';

function asLmError(reason: unknown, address: string): LmError {
  return reason instanceof LmError ? reason : lostConnection(address);
}
