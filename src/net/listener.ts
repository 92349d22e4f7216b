/** Takes connections on the one port, over TLS 1.3 only, and keeps their deadlines. */

import { LmError } from '../engine/errors.ts';
import type { Identity } from '../engine/identity.ts';
import { CONNECTIONS_MAX, CONNECTIONS_SPARE } from '../engine/limits.ts';
import type { Hello } from './protocol.ts';
import { type ConnectionHandler, type Served, ServerConnection } from './server-connection.ts';

const TLS_1_3 = 0x0304;
const SWEEP_MS = 1_000;

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly identity: Identity;
  readonly handler: ConnectionHandler;
  /** Boot-time clock. */
  readonly now: () => number;
}

export interface Listener {
  readonly port: number;
  readonly connections: () => number;
  /** Takes no more, sends what is left, and closes. */
  close(): void;
}

/** TLS 1.3 and nothing older, which Bun takes though its types don't name the option. */
export function serverTls(identity: Identity) {
  return {
    key: identity.keyPem,
    cert: identity.certificatePem,
    minVersion: TLS_1_3,
    // Servers show a certificate, clients none; whose key it is is judged by its fingerprint.
    requestCert: true,
    rejectUnauthorized: false,
  };
}

/** @throws LmError `config` where the address can't be listened on. */
export function listen({ host, port, identity, handler, now }: ListenOptions): Listener {
  const open = new Set<Served>();
  const greeting = {
    ...handler,
    welcome: (hello: Hello) => {
      if (open.size > CONNECTIONS_MAX) throw crowded();
      return handler.welcome(hello);
    },
  };
  let number = 0;
  const server = bind(host, port, () =>
    Bun.listen<Served | null>({
      hostname: host,
      port,
      data: null,
      tls: serverTls(identity),
      socket: {
        open(socket) {
          // Whether it is a client's, only its hello will tell.
          if (open.size >= CONNECTIONS_MAX + CONNECTIONS_SPARE) {
            socket.terminate();
            return;
          }
          number++;
          const address = `${socket.remoteAddress}`;
          const options = { number, address, socket, handler: greeting, now: now() };
          socket.data = new ServerConnection(options);
          open.add(socket.data);
        },
        handshake() {
          // Being there, it has `open` called on accepting, not after the handshake: a connection
          // that never gets that far would have no deadline.
        },
        data(socket, chunk) {
          const connection = socket.data;
          if (connection === null) return;
          const next = connection.receive(chunk, now());
          if (next === connection) return;
          socket.data = next;
          open.delete(connection);
          open.add(next);
        },
        drain(socket) {
          socket.data?.drain(now());
        },
        close(socket) {
          const connection = socket.data;
          if (connection === null) return;
          open.delete(connection);
          connection.closed();
        },
        error() {
          // A broken connection closes; that is all there is to do about it.
        },
      },
    }),
  );
  const sweep = setInterval(() => {
    const time = now();
    for (const connection of open) connection.checkDeadlines(time);
  }, SWEEP_MS);
  return {
    port: server.port,
    connections: () => open.size,
    close() {
      clearInterval(sweep);
      server.stop();
      for (const connection of open) connection.end();
    },
  };
}

function crowded(): LmError {
  return new LmError(
    'busy',
    `This server has ${CONNECTIONS_MAX} connections, as many as it takes.`,
    'Try another server of the pool, or later.',
  );
}

function bind<Server>(host: string, port: number, start: () => Server): Server {
  try {
    return start();
  } catch (error) {
    const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new LmError('config', `Can't listen on ${where}: ${reason(code, error)}.`, hint(code));
  }
}

function reason(code: string, error: unknown): string {
  if (code === 'EADDRINUSE') return 'the port is in use';
  if (code === 'EACCES') return 'this user may not use that port';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return error instanceof Error ? error.message : String(error);
}

function hint(code: string): string {
  if (code === 'EADDRINUSE')
    return 'Stop what uses it (ss -ltnp shows it), or choose another port.';
  if (code === 'EACCES') return 'Choose a port above 1023.';
  return 'Check --listen and the address that the RLF gives this server.';
}
