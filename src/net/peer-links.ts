/**
 * The links of this server to all others of the pool, kept in step with the RLF's list, and the
 * connections that those opened to it. What comes and goes there becomes events of the core.
 */

import type { PeerSend } from '../engine/effects.ts';
import { assert, type LmError } from '../engine/errors.ts';
import type { Event } from '../engine/event.ts';
import type { Identity } from '../engine/identity.ts';
import type { RlfServer } from '../engine/license/types.ts';
import { OUTAGE_LOG_MS, PEER_GONE_MS_MIN, STRANGERS_MAX } from '../engine/limits.ts';
import type { PeerGreeting, PeerMessage } from '../engine/peer-messages.ts';
import type { ServerId } from '../engine/raft/types.ts';
import { fingerprintOf } from './identity.ts';
import type { Log } from './log.ts';
import { PeerConnection } from './peer-connection.ts';
import {
  admitPeer,
  notNamed,
  type PoolServers,
  readGreeting,
  tooManyStrangers,
} from './peer-hello.ts';
import { PeerLink, type PeerLinkEvents } from './peer-link.ts';
import type { Hello, Welcome } from './protocol.ts';
import { RefusalLog } from './refusal-log.ts';
import type { PeerArrival, Served, ServerSocket } from './server-connection.ts';

export type PeerEvent = Extract<Event, { readonly type: 'peer' | 'linked' | 'gone' }>;

export interface PeerLinksOptions {
  readonly identity: Identity;
  /** What this server says to the others; made anew for every dial. */
  readonly hello: () => Hello;
  /** The answer to a server's hello. Throws LmError where the two have no version in common. */
  readonly welcome: (hello: Hello) => Welcome;
  readonly receive: (event: PeerEvent) => void;
  /** Another server refused this one. */
  readonly refused: (by: ServerId, error: LmError) => void;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

interface Peer {
  /** As the RLF in force has it. */
  server: RlfServer;
  readonly link: PeerLink;
  /** The connection that it opened, the newest only. */
  inbound: PeerConnection | null;
  /** Told as gone, and not linked since. */
  isGone: boolean;
  goneAt: number;
  /** What the log says of the link, and since when it was last said to be down. */
  logged: 'nothing' | 'up' | 'down';
  downAt: number;
}

export class PeerLinks {
  readonly #options: PeerLinksOptions;
  readonly #peers = new Map<ServerId, Peer>();
  readonly #refusals = new RefusalLog(() => performance.now());
  /** Links with messages since the last flush. */
  readonly #unflushed = new Set<PeerLink>();

  /** Connections of servers that the RLF in force does not name. */
  readonly #strangers = new Set<PeerConnection>();

  #pool: PoolServers;

  constructor(options: PeerLinksOptions, pool: PoolServers) {
    this.#options = options;
    this.#pool = pool;
    this.update(pool);
  }

  /** The servers to whom there is a link now, for status. */
  get linked(): ServerId[] {
    return [...this.#peers].filter(([, { link }]) => link.linked).map(([id]) => id);
  }

  /** The pool is these servers, of which this may be one: links come and go accordingly. */
  update(pool: PoolServers): void {
    this.#pool = pool;
    const listed = new Map(pool.servers.map((server) => [server.fingerprint, server]));
    listed.delete(this.#options.identity.fingerprint);
    for (const [id, peer] of this.#peers) {
      if (listed.has(id)) continue;
      this.#remove(id, peer);
      this.#options.receive({ type: 'gone', peer: id });
    }
    for (const [id, server] of listed) {
      const known = this.#peers.get(id);
      if (known !== undefined) known.server = server;
      else this.#add(server);
    }
  }

  /** Sends what one turn gave, with one write a server. What finds no link is dropped. */
  send(sends: readonly PeerSend[]): void {
    for (const { to, message } of sends) {
      const link = this.#peers.get(to)?.link;
      if (link === undefined) continue;
      link.send(message);
      this.#unflushed.add(link);
    }
    for (const link of this.#unflushed) link.flush();
    this.#unflushed.clear();
  }

  /** Takes over a connection whose hello is a server's. Throws LmError to refuse it. */
  accept({ hello, socket, parser }: PeerArrival): Served {
    const { welcome, identity, receive } = this.#options;
    const own = identity.fingerprint;
    const claim = { hello, fingerprint: fingerprintAt(socket) };
    const { fingerprint: from, isMember } = admitPeer(claim, own, this.#pool);
    const answer = welcome(hello);
    if (!isMember) return this.#acceptStranger(from, { hello, socket, parser }, answer);
    const peer = this.#peers.get(from);
    assert(peer !== undefined, 'there is a link to every other server of the pool');
    const events = {
      receive: (message: PeerMessage) => receive({ type: 'peer', from, message }),
      closed: () => this.#closed(from),
      refused: (error: LmError) => this.#refused(from, 'a server was refused', error),
    };
    const ends = { from, to: own };
    const connection = new PeerConnection({ ends, socket, parser, events });
    peer.inbound?.cut();
    peer.inbound = connection;
    connection.greet(answer);
    this.#greeted(from, readGreeting(hello[9]));
    peer.link.nudge();
    return connection;
  }

  /** It may be one that is to be taken in, and brings the RLF that says so. */
  #acceptStranger(from: ServerId, { socket, parser }: PeerArrival, answer: Welcome): Served {
    if (this.#strangers.size >= STRANGERS_MAX) throw tooManyStrangers();
    const events = {
      receive: (message: PeerMessage) => {
        if (message.type !== 'offer') throw notNamed(from, this.#pool);
        this.#options.receive({ type: 'peer', from, message });
      },
      closed: () => void this.#strangers.delete(connection),
      refused: (error: LmError) => {
        this.#strangers.delete(connection);
        this.#refused(from, 'a server was refused', error);
      },
    };
    const ends = { from, to: this.#options.identity.fingerprint };
    const connection = new PeerConnection({ ends, socket, parser, events });
    this.#strangers.add(connection);
    connection.greet(answer);
    return connection;
  }

  /** Logs that a server from `address` was refused, if it was not just now. */
  noteRefusal(address: string, error: LmError): void {
    this.#note('a server was refused', address, error);
  }

  close(): void {
    for (const [id, peer] of this.#peers) this.#remove(id, peer);
    for (const stranger of this.#strangers) stranger.cut();
  }

  #add(server: RlfServer): void {
    const { identity, hello, random, receive } = this.#options;
    const id = server.fingerprint;
    const events: PeerLinkEvents = {
      linked: ({ protocol, greeting }) => {
        this.#logUp(id, protocol);
        this.#greeted(id, greeting);
      },
      receive: (message) => receive({ type: 'peer', from: id, message }),
      gone: () => this.#gone(id),
      down: (reason) => this.#logDown(id, reason),
      refused: (error) => {
        this.#refused(id, 'no agreement on a link to a server', error);
        this.#options.refused(id, error);
      },
    };
    const serverNow = () => this.#peers.get(id)?.server ?? server;
    const link = new PeerLink({ server: serverNow, identity, hello, random, events });
    const never = { goneAt: Number.NEGATIVE_INFINITY, downAt: Number.NEGATIVE_INFINITY };
    this.#peers.set(id, {
      ...{ server, link, inbound: null },
      ...{ isGone: false, logged: 'nothing', ...never },
    });
  }

  #remove(id: ServerId, { link, inbound }: Peer): void {
    this.#peers.delete(id);
    this.#unflushed.delete(link);
    link.close();
    inbound?.cut();
  }

  #greeted(id: ServerId, greeting: PeerGreeting): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.isGone = false;
    this.#options.receive({ type: 'linked', peer: id, greeting });
  }

  /** The newest connection of a server: those that it replaced were cut, and tell nothing. */
  #closed(id: ServerId): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) peer.inbound = null;
    this.#gone(id);
  }

  /** Once an outage: a killed server closes two connections, and then refuses every dial. */
  #gone(id: ServerId): void {
    const peer = this.#peers.get(id);
    const now = performance.now();
    if (peer === undefined || peer.isGone || now - peer.goneAt < PEER_GONE_MS_MIN) return;
    peer.isGone = true;
    peer.goneAt = now;
    this.#options.receive({ type: 'gone', peer: id });
  }

  #logUp(id: ServerId, protocol: number): void {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.logged === 'up') return;
    peer.logged = 'up';
    const { name, address } = peer.server;
    this.#options.log('info', 'linked to a server', { server: name, address, protocol });
  }

  /** Once an outage, and less often where one follows the other. */
  #logDown(id: ServerId, reason: string): void {
    const peer = this.#peers.get(id);
    const now = performance.now();
    if (peer === undefined || peer.logged === 'down' || now - peer.downAt < OUTAGE_LOG_MS) return;
    peer.logged = 'down';
    peer.downAt = now;
    const { name, address } = peer.server;
    this.#options.log('warn', 'no link to a server', { server: name, address, reason });
  }

  #refused(id: ServerId, message: string, error: LmError): void {
    const server = this.#peers.get(id)?.server;
    this.#note(message, server === undefined ? id : `${server.name} ${server.address}`, error);
  }

  #note(message: string, who: string, { code, message: reason }: LmError): void {
    const repeated = this.#refusals.due(`${message} ${who} ${code}`);
    if (repeated !== null) this.#options.log('warn', message, { who, code, reason, repeated });
  }
}

/** Bun's types promise a certificate; a client shows none. */
function fingerprintAt(socket: ServerSocket): string | null {
  const certificate = socket.getPeerX509Certificate() as ReturnType<
    ServerSocket['getPeerX509Certificate']
  > | null;
  return certificate ? fingerprintOf(certificate) : null;
}
