/**
 * The one connection that this server opens to another (DESIGN section 5): dialled again and again,
 * with back-off, and cut when nobody answers on it. Messages that find no link are dropped.
 */
import type { TLSSocket } from 'node:tls';
import { LmError } from '../engine/errors.ts';
import type { Identity } from '../engine/identity.ts';
import type { RlfServer } from '../engine/license/types.ts';
import {
  CLIENT_FRAME_BYTES_MAX,
  PEER_DIAL_MS_MAX,
  PEER_FRAME_BYTES_MAX,
  PEER_HELLO_MS_MAX,
  PEER_PING_MS,
  PEER_PINGS_UNANSWERED_MAX,
  PEER_REDIAL_MS_MAX,
  PEER_REDIAL_MS_MIN,
  PEER_STABLE_MS,
} from '../engine/limits.ts';
import type { PeerMessage } from '../engine/peer-messages.ts';
import { FrameParser } from './frames.ts';
import { isSpoken, PeerType, peerFields, readPeerMessage } from './peer-codec.ts';
import { abandon, checkPin, dialPeer } from './peer-dial.ts';
import { readWelcome, refusalIn, type Welcomed } from './peer-hello.ts';
import { type Hello, MessageType, PROTOCOL_MIN } from './protocol.ts';
import { SendQueue } from './send-queue.ts';

export interface PeerLinkOptions {
  /** The other server, as the RLF in force has it; asked at every dial. */
  readonly server: () => RlfServer;
  readonly identity: Identity;
  readonly hello: () => Hello;
  /** 0 up to 1, so that servers that were cut off together don't come back together. */
  readonly random: () => number;
  readonly events: PeerLinkEvents;
}

export interface PeerLinkEvents {
  /** Both sides said hello. */
  readonly linked: (by: Welcomed) => void;
  readonly receive: (message: PeerMessage) => void;
  /** A dial was refused, or the link reset or closed from outside. */
  readonly gone: () => void;
  /** There is no link, as there was, or should be; with the reason, for the log. */
  readonly down: (reason: string) => void;
  /** One side refused the other. */
  readonly refused: (error: LmError) => void;
}

type State = 'waiting' | 'dialing' | 'linked' | 'closed';

export class PeerLink {
  readonly #options: PeerLinkOptions;
  #state: State = 'waiting';
  #socket: TLSSocket | null = null;
  #queue = new SendQueue(() => undefined);
  /** Of whatever comes next: the end of a wait, the deadline of a dial, the next ping. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Dials that failed since a link last proved to be stable. */
  #failures = 0;
  #linkedAt = 0;
  /** The highest that both sides speak. */
  #protocol = PROTOCOL_MIN;
  #unansweredPings = 0;
  #takenBefore = 0;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  get linked(): boolean {
    return this.#state === 'linked';
  }

  /** Keeps the message until `flush`. Without a link it is dropped: Raft repeats what is lost. */
  send(message: PeerMessage): void {
    if (this.#state !== 'linked' || !isSpoken(message, this.#protocol)) return;
    this.#queue.add(peerFields(message));
  }

  flush(): void {
    if (this.#state === 'linked') this.#queue.flush();
  }

  /** The other server is there, as it said itself: no reason to wait any longer. */
  nudge(): void {
    if (this.#state === 'waiting') this.#dial();
  }

  close(): void {
    this.#drop();
    this.#state = 'closed';
  }

  #dial(): void {
    this.#drop();
    const server = this.#options.server();
    this.#state = 'dialing';
    const socket = dialPeer(server, this.#options.identity);
    const parser = new FrameParser(CLIENT_FRAME_BYTES_MAX);
    this.#socket = socket;
    this.#after(PEER_DIAL_MS_MAX, () => this.#lost('it does not answer'));
    socket.on('error', (error) => this.#broken('code' in error ? String(error.code) : ''));
    // Its close would wait for what is still to be written.
    socket.on('end', () => this.#broken('it closed the connection'));
    socket.on('close', () => this.#broken('it closed the connection'));
    socket.on('secureConnect', () => this.#guarded(() => this.#introduce(socket, server)));
    socket.on('data', (chunk: Uint8Array) => this.#guarded(() => this.#receive(chunk, parser)));
  }

  /** Nothing is said before the key on the other side was found to be the right one. */
  #introduce(socket: TLSSocket, server: RlfServer): void {
    checkPin(socket, server);
    socket.setNoDelay(true);
    this.#queue = new SendQueue((bytes, taken) => {
      socket.write(bytes, (error) => {
        if (!error && this.#socket === socket) taken();
      });
    });
    this.#queue.add(this.#options.hello());
    this.#queue.flush();
    this.#after(PEER_HELLO_MS_MAX, () => this.#lost('it does not say hello'));
  }

  #receive(chunk: Uint8Array, parser: FrameParser): void {
    this.#unansweredPings = 0;
    parser.push(chunk, (fields) => {
      if (this.#state === 'dialing') this.#greeted(fields, parser);
      else this.#take(fields);
      return this.#state === 'linked';
    });
  }

  #greeted(fields: readonly unknown[], parser: FrameParser): void {
    const welcomed = readWelcome(fields);
    this.#protocol = welcomed.protocol;
    parser.bytesMax = PEER_FRAME_BYTES_MAX;
    this.#state = 'linked';
    this.#linkedAt = performance.now();
    this.#takenBefore = 0;
    this.#after(PEER_PING_MS, () => this.#ping());
    this.#options.events.linked(welcomed);
  }

  #take(fields: readonly unknown[]): void {
    if (fields[0] === PeerType.pong) return;
    if (fields[0] === MessageType.error) throw refusalIn(fields);
    const { identity, server, events } = this.#options;
    const ends = { from: server().fingerprint, to: identity.fingerprint };
    events.receive(readPeerMessage(fields, ends));
  }

  /**
   * Asks for a sign of life. Bytes that go out are one too, while the network does not take all of
   * them at once; what it swallows at once may lie in a buffer on this side.
   */
  #ping(): void {
    const queue = this.#queue;
    if (queue.bytes > 0 && queue.taken !== this.#takenBefore) this.#unansweredPings = 0;
    this.#takenBefore = queue.taken;
    if (this.#unansweredPings >= PEER_PINGS_UNANSWERED_MAX) {
      this.#lost('it has fallen silent');
      return;
    }
    this.#unansweredPings++;
    queue.add([PeerType.ping, 0]);
    queue.flush();
    this.#after(PEER_PING_MS, () => this.#ping());
  }

  #broken(code: string): void {
    const gone = this.#state === 'linked' || code === 'ECONNREFUSED';
    this.#lost(REASONS.get(code) ?? code);
    if (gone) this.#options.events.gone();
  }

  #lost(reason: string): void {
    this.#redial();
    this.#options.events.down(reason);
  }

  /** Drops the connection; a defect in lm goes on to whoever runs this. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      this.#redial();
      this.#options.events.refused(error);
    }
  }

  #redial(): void {
    const lived = this.#state === 'linked' ? performance.now() - this.#linkedAt : 0;
    if (lived >= PEER_STABLE_MS) this.#failures = 0;
    this.#drop();
    this.#state = 'waiting';
    const backOff = Math.min(PEER_REDIAL_MS_MIN * 2 ** this.#failures, PEER_REDIAL_MS_MAX);
    this.#failures++;
    this.#after(backOff * (0.5 + this.#options.random() / 2), () => this.#dial());
  }

  #drop(): void {
    clearTimeout(this.#timer);
    if (this.#socket !== null) abandon(this.#socket);
    this.#socket = null;
    this.#queue = new SendQueue(() => undefined);
    this.#unansweredPings = 0;
  }

  #after(ms: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, ms);
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ECONNRESET', 'the connection was reset'],
  ['EPIPE', 'the connection was reset'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'its name could not be looked up'],
  ['EHOSTUNREACH', 'there is no way to this host'],
  ['ENETUNREACH', 'there is no way to this network'],
]);
