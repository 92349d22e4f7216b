/**
 * A license server: the core, its node loop and its listener, put together. Disk, clock and
 * randomness come from whoever wires the process.
 */
import { Core } from '../engine/core.ts';
import { LmError } from '../engine/errors.ts';
import type { Identity } from '../engine/identity.ts';
import { readRlf } from '../engine/license/rlf.ts';
import type { Rlf, RlfServer } from '../engine/license/types.ts';
import type { RecordSource, Write } from '../engine/records.ts';
import { idText, keyId } from '../engine/seat-key.ts';
import type { Time } from '../engine/time.ts';
import { type Listener, listen } from './listener.ts';
import type { Log } from './log.ts';
import { type Answerable, Node } from './node.ts';
import { type ClientRequest, MessageType, type Prove } from './protocol.ts';
import { Prover } from './prover.ts';
import { welcomeTo } from './welcome.ts';

export interface LicenseServerOptions {
  /** The prepared data directory. */
  readonly directory: {
    readonly server: string;
    readonly identity: Identity;
    readonly founding: string | null;
    readonly boot: number;
    readonly store: RecordSource & {
      readonly transaction: number;
      commit(writes: readonly Write[]): number;
    };
  };
  /** The RLF offered, or null. */
  readonly offered: Rlf | null;
  /** HOST:PORT parts to listen on; null parts as the RLF says. */
  readonly host: string | null;
  readonly port: number | null;
  readonly now: () => Time;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
  readonly log: Log;
  readonly onFailure: (error: unknown) => void;
}

export class LicenseServer {
  readonly #options: LicenseServerOptions;
  readonly #core: Core;
  readonly #node: Node;
  readonly #prover: Prover;
  readonly #listener: Listener;
  /** This server, as the RLF in force names it. */
  readonly self: RlfServer;

  /**
   * Enters the pool and listens.
   *
   * @throws LmError `config` where the directory, the RLF and the address don't go together;
   * `bad-data` or `untrusted` for an RLF that may not follow the one in force.
   */
  constructor(options: LicenseServerOptions) {
    this.#options = options;
    const { directory, now, log, secret, onFailure } = options;
    const { store, identity, boot, server: name } = directory;
    const { transaction } = store;
    const server = identity.fingerprint;
    const founding = foundingRlf(directory.founding);
    this.#core = Core.recover({ server, name, boot, transaction, founding, secret }, store, now());
    const commit = (writes: readonly Write[]) => void store.commit(writes);
    this.#node = new Node({ core: this.#core, commit, now, log, onFailure });
    this.#prover = new Prover(identity.keyPem);
    const { offered } = options;
    checkPool(offered ?? this.#core.state.rlf, server);
    this.#node.start();
    try {
      if (offered !== null) this.#node.now({ type: 'offered', rlf: offered });
      this.self = checkPool(this.#core.state.rlf, server);
      this.#listener = this.#listen();
    } catch (error) {
      // Its timer would keep the process from ending.
      this.#node.stop();
      throw error;
    }
  }

  get pool(): string {
    return this.#core.state.rlf.pool;
  }

  get port(): number {
    return this.#listener.port;
  }

  get keyCount(): number {
    return this.#core.keyCount;
  }

  /** Flushes per event and the like, since the start. */
  get counters(): Readonly<Record<string, number>> {
    return this.#node.counters;
  }

  /** A newer RLF. Throws as the constructor does, and changes nothing then. */
  offer(rlf: Rlf): void {
    checkPool(rlf, this.#options.directory.identity.fingerprint);
    this.#node.now({ type: 'offered', rlf });
  }

  /** Answers what has arrived and lets go of the port. */
  stop(): void {
    this.#node.stop();
    this.#listener.close();
  }

  #listen(): Listener {
    const { identity, server } = this.#options.directory;
    const { host, port, now, log } = this.#options;
    const { state } = this.#core;
    return listen({
      host: host ?? '::',
      port: port ?? portOf(this.self.address),
      identity,
      now: () => now().boot,
      handler: {
        welcome: (hello) => welcomeTo(hello, server, state),
        receive: (client, message) => this.#receive(client, message),
        closed: (client) => this.#node.receive({ type: 'closed', client }),
        refused: ({ address }, { code, message }) =>
          log('warn', 'a client was refused', { address, code, reason: message }),
      },
    });
  }

  #receive(client: Answerable, message: ClientRequest): void {
    if (message[0] === MessageType.prove) this.#prove(client, message);
    else this.#node.receive({ type: 'message', client, message });
  }

  /** A held key was flushed before its grant was sent, so a proof promises nothing new. */
  #prove(client: Answerable, [, sequence, secret, nonce]: Prove): void {
    const id = keyId(secret);
    const held = this.#core.authorization(idText(id), this.#options.now());
    if (held === null) {
      const message = 'The seat has ended: there is nothing to prove.';
      client.send([MessageType.gone, sequence, 'unknown-key', message, 'Ask for a new seat.']);
    } else {
      const { wall } = this.#options.now();
      const { vendor, application, version, count, expiresAt } = held;
      const jws = this.#prover.prove({
        nonce: Buffer.from(nonce).toString('base64url'),
        id: Buffer.from(id).toString('base64url'),
        vendor,
        application,
        version,
        count,
        server: this.#options.directory.server,
        pool: this.pool,
        iat: Math.floor(wall / 1_000),
        exp: Math.floor(expiresAt / 1_000),
      });
      client.send([MessageType.proof, sequence, jws]);
    }
    client.flush();
  }
}

function foundingRlf(text: string | null): Rlf {
  if (text !== null) return readRlf(text);
  throw new LmError(
    'config',
    'This data directory was prepared to join a running pool, which this version can not do yet.',
    'Found the pool with its directories: lm pool init NAME HOST.',
  );
}

/** This server in the RLF; this version serves pools of one. */
function checkPool(rlf: Rlf, fingerprint: string): RlfServer {
  const self = rlf.servers.find((server) => server.fingerprint === fingerprint);
  if (self === undefined) {
    throw new LmError(
      'config',
      'The RLF does not name the TLS key of this data directory.',
      `Put this fingerprint into its [[server]] table and sign it: ${fingerprint}`,
      { fingerprint },
    );
  }
  if (rlf.servers.length > 1) {
    throw new LmError(
      'config',
      `The RLF names ${rlf.servers.length} servers; this version serves pools of one.`,
      'Name one server in the RLF.',
      { servers: rlf.servers.length },
    );
  }
  return self;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
