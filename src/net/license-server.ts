/**
 * A license server: the core, its node loop and its listener, put together. Disk, clock and
 * randomness come from whoever wires the process.
 */
import type { Authorization } from '../engine/authorization.ts';
import { Core } from '../engine/core.ts';
import { LmError } from '../engine/errors.ts';
import type { Identity } from '../engine/identity.ts';
import { FORMAT_MAX } from '../engine/ledger/format.ts';
import { readRlf } from '../engine/license/rlf.ts';
import type { Rlf, RlfServer } from '../engine/license/types.ts';
import type { ServerId } from '../engine/raft/types.ts';
import type { RecordSource, Write } from '../engine/records.ts';
import { idText, keyId } from '../engine/seat-key.ts';
import type { Start } from '../engine/starts.ts';
import type { Time } from '../engine/time.ts';
import { type Listener, listen } from './listener.ts';
import type { Log } from './log.ts';
import { type Answerable, Node } from './node.ts';
import { ownPlace, warnOfSize } from './own-place.ts';
import {
  greetingFields,
  isLeftBehind,
  type PoolServers,
  peerHello,
  readGreeting,
  refuseLeftBehind,
} from './peer-hello.ts';
import { type PeerEvent, PeerLinks } from './peer-links.ts';
import {
  type ClientRequest,
  type GreetingFields,
  type Hello,
  MessageType,
  PROTOCOL_MAX,
  type Prove,
  type RlfPush,
  type Welcome,
} from './protocol.ts';
import { type ProofClaims, Prover } from './prover.ts';
import { RlfUploads } from './rlf-uploads.ts';
import type { Refused } from './server-connection.ts';
import { welcomeTo } from './welcome.ts';

export interface LicenseServerOptions {
  /** The prepared data directory. */
  readonly directory: {
    readonly server: string;
    readonly identity: Identity;
    readonly founding: string | null;
    readonly boot: number;
    readonly start: number;
    readonly earlier: readonly Start[];
    readonly store: RecordSource & {
      readonly transaction: number;
      commit(writes: readonly Write[]): number;
    };
  };
  /** The RLF offered, or null. */
  readonly offered: Rlf | null;
  /** It has a new key, which the RLF offered may not name yet. */
  readonly rejoins?: boolean;
  /** Of lm, for people. */
  readonly version: string;
  /** HOST:PORT parts to listen on; null parts as the RLF says. */
  readonly host: string | null;
  readonly port: number | null;
  readonly now: () => Time;
  /** 0 up to 1: when to dial another server again. */
  readonly random: () => number;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
  readonly log: Log;
  readonly onFailure: (error: unknown) => void;
  /** This server is not in the pool any more, as the RLF in force wants it. */
  readonly onLeft?: () => void;
  /** It has to be made anew, from the same directory: the pool is restarted. */
  readonly onRestart?: () => void;
}

/** Handing leadership on takes an election, or fails: the others then find out by themselves. */
const STEP_ASIDE_MS_MAX = 2_000;
const STEP_ASIDE_LOOK_MS = 10;

export class LicenseServer {
  readonly #options: LicenseServerOptions;
  readonly #core: Core;
  readonly #node: Node;
  readonly #prover: Prover;
  readonly #uploads = new RlfUploads<Answerable>();
  readonly #links: PeerLinks;
  /** That of which the links are, and whom to. */
  #linkedRlf: Rlf;
  #linkedPeers: readonly RlfServer[];
  /** In this run. */
  #tookPart: boolean;
  #hasLeft = false;
  readonly #listener: Listener;
  /** This server, as the RLF in force, or the one offered, names it. */
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
    const { store, identity, boot, start, earlier, server: name } = directory;
    const server = identity.fingerprint;
    const { offered } = options;
    const founding = directory.founding === null ? offered : readRlf(directory.founding);
    const joins = directory.founding === null;
    const { transaction } = store;
    const program = { version: options.version, protocol: PROTOCOL_MAX, format: FORMAT_MAX };
    const parts = {
      server,
      name,
      boot,
      founding,
      joins,
      program,
      secret,
      start,
      earlier,
      transaction,
    };
    this.#core = Core.recover(parts, store, now());
    this.#node = new Node({
      core: this.#core,
      commit: (writes) => void store.commit(writes),
      now,
      log,
      sendPeers: (sends) => this.#links.send(sends),
      onTurn: () => this.#followRlf(),
      onRestart: () => options.onRestart?.(),
      onFailure,
    });
    this.#prover = new Prover(identity.keyPem);
    this.self = this.#ownPlace();
    this.#linkedRlf = this.#core.state.rlf;
    this.#linkedPeers = this.#core.peers;
    this.#tookPart = this.#core.takesPart;
    warnOfSize(this.#linkedRlf, log);
    this.#links = this.#linkPeers();
    this.#node.start();
    try {
      if (offered !== null) this.#node.now({ type: 'offered', rlf: offered });
      this.#listener = this.#listen();
    } catch (error) {
      // Timers would keep the process from ending.
      this.#node.stop();
      this.#links.close();
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
    this.#node.now({ type: 'offered', rlf });
  }

  /** Hands leadership on, where this server has it; returns once it did, or could not in time. */
  async stepAside(): Promise<void> {
    if (!this.#core.leads || this.#core.state.rlf.servers.length === 1) return;
    this.#node.receive({ type: 'step-aside' });
    const end = this.#options.now().boot + STEP_ASIDE_MS_MAX;
    while (this.#core.leads && this.#options.now().boot < end) {
      await new Promise((resolve) => setTimeout(resolve, STEP_ASIDE_LOOK_MS));
    }
  }

  /** Answers what has arrived and lets go of the port. */
  stop(): void {
    this.#node.stop();
    this.#links.close();
    this.#listener.close();
  }

  /** Where this server is to be found: the newest RLF that it knows says so. */
  #ownPlace(): RlfServer {
    const { directory, offered, rejoins = false } = this.#options;
    const { fingerprint } = directory.identity;
    const { rlf, members } = this.#core.state;
    const newest = offered !== null && offered.sequence > rlf.sequence ? offered : rlf;
    const named = newest.servers.find((server) => server.fingerprint === fingerprint);
    const known = named ?? members.find(fingerprint);
    if (known !== undefined || !rejoins) return known ?? ownPlace(newest.servers, fingerprint);
    const before = newest.servers.find(({ name }) => name === directory.server);
    return before ?? ownPlace(newest.servers, fingerprint);
  }

  #listen(): Listener {
    const { identity } = this.#options.directory;
    const { host, port, now } = this.#options;
    return listen({
      host: host ?? '::',
      port: port ?? portOf(this.self.address),
      identity,
      now: () => now().boot,
      handler: {
        welcome: (hello) => this.#welcome(hello),
        receive: (client, message) => this.#receive(client, message),
        closed: (client) => {
          this.#uploads.drop(client);
          this.#node.receive({ type: 'closed', client });
        },
        acceptPeer: (arrival) => this.#links.accept(arrival),
        refused: (connection, error) => this.#refused(connection, error),
      },
    });
  }

  #welcome(hello: Hello, greeting: GreetingFields | null = null): Welcome {
    return welcomeTo(hello, this.#options.directory.server, this.#core.state, greeting);
  }

  #refused({ role, address }: Refused, error: LmError): void {
    const { code, message } = error;
    if (role === 'peer') this.#links.noteRefusal(address, error);
    else this.#options.log('warn', 'a client was refused', { address, code, reason: message });
  }

  #linkPeers(): PeerLinks {
    const { directory, random, log } = this.#options;
    const { identity, server: name } = directory;
    const { fingerprint } = identity;
    const greeting = () => this.#core.greeting(this.#options.now());
    const hello = () => peerHello({ pool: this.pool, name, fingerprint, greeting: greeting() });
    const welcome = (to: Hello) => {
      const own = greeting();
      if (this.#core.restart === null) refuseLeftBehind(readGreeting(to[9]), own);
      return this.#welcome(to, greetingFields(own));
    };
    const receive = (event: PeerEvent) => this.#node.receive(event);
    const refused = (by: ServerId, error: LmError) => {
      const { code } = error;
      if (isLeftBehind(error, greeting())) this.#options.onFailure(error);
      // It was out before the news of it came here. One that waits to be taken in knows nothing of
      // that; one that votes does.
      const { isLeaving, state } = this.#core;
      const knows = isLeaving && state.configuration.voters.includes(by);
      if (code === 'not-authorized' && knows) this.#left();
    };
    const parts = { identity, hello, welcome, receive, refused, random, log };
    return new PeerLinks(parts, this.#poolServers());
  }

  #poolServers(): PoolServers {
    const { pool, sequence } = this.#linkedRlf;
    return { pool, sequence, servers: this.#linkedPeers };
  }

  /** The links are those of the RLF in force, and of who is on the way out, whatever brought it. */
  #followRlf(): void {
    const { peers, takesPart, state } = this.#core;
    const { rlf } = state;
    if (this.#tookPart && !takesPart && this.#core.isLeaving) this.#left();
    this.#tookPart ||= takesPart;
    if (rlf === this.#linkedRlf && peers === this.#linkedPeers) return;
    const isNewRlf = rlf !== this.#linkedRlf;
    this.#linkedRlf = rlf;
    this.#linkedPeers = peers;
    this.#links.update(this.#poolServers());
    if (isNewRlf) warnOfSize(rlf, this.#options.log);
  }

  #left(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#options.log('info', 'this server has left the pool, as its RLF says');
    this.#options.onLeft?.();
  }

  #receive(client: Answerable, message: ClientRequest): void {
    if (message[0] === MessageType.prove) this.#prove(client, message);
    else if (message[0] === MessageType.rlfPush) this.#take(client, message);
    else this.#node.receive({ type: 'message', client, message });
  }

  /** A part of a pushed RLF; the last one lets the core judge it. */
  #take(client: Answerable, push: RlfPush): void {
    const [, sequence, bytes, , , isTrial] = push;
    try {
      const { taken, text } = this.#uploads.take(client, push, this.#options.now().boot);
      if (text !== null) {
        this.#node.receive({ type: 'pushed', push: { client, sequence, text, bytes, isTrial } });
        return;
      }
      client.send([MessageType.rlfPushed, sequence, taken, null]);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      const { code, message, hint, details } = error;
      client.send([MessageType.error, sequence, code, message, hint, details]);
    }
    client.flush();
  }

  /** A held key was flushed before its grant was sent, so a proof promises nothing new. */
  #prove(client: Answerable, [, sequence, secret, nonce]: Prove): void {
    const id = keyId(secret);
    const held = this.#core.authorization(idText(id), this.#options.now());
    if (held === null) {
      const message = 'The seat has ended: there is nothing to prove.';
      client.send([MessageType.gone, sequence, 'unknown-key', message, 'Ask for a new seat.']);
    } else if (held.commute !== null && !this.#core.ready) {
      const message = 'This server is not in contact with a majority of the pool.';
      client.send([MessageType.gone, sequence, 'no-majority', message, 'Ask another server.']);
    } else {
      const about = {
        nonce: Buffer.from(nonce).toString('base64url'),
        id: Buffer.from(id).toString('base64url'),
        server: this.#options.directory.server,
        pool: this.pool,
      };
      client.send([MessageType.proof, sequence, this.#proofOf(held, about)]);
    }
    client.flush();
  }

  #proofOf(held: Authorization, about: Pick<ProofClaims, 'nonce' | 'id' | 'server' | 'pool'>) {
    const { vendor, application, version, count, expiresAt, commute } = held;
    const exp = Math.floor(expiresAt / 1_000);
    const subject = { ...about, vendor, application, version, count, exp };
    const seconds = (ms: number) => Math.floor(ms / 1_000);
    if (commute === null) {
      return this.#prover.prove({ ...subject, iat: seconds(this.#options.now().wall) });
    }
    const { days, machine, user, host } = commute;
    const { mark, applied: ledger } = this.#core.state;
    const bound = { days, machine, user, host, ledger };
    return this.#prover.commuter({ ...subject, iat: seconds(mark), ...bound });
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
