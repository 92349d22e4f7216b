/**
 * A connection that another server of the pool opened, once its hello was accepted. Its messages go
 * to the core; what this server has to say to it goes over a link of its own (peer-link.ts).
 */
import { LmError } from '../engine/errors.ts';
import { PEER_FRAME_BYTES_MAX, PEER_SILENT_SWEEPS_MAX } from '../engine/limits.ts';
import type { PeerMessage } from '../engine/peer-messages.ts';
import { encodeFrame, type FrameParser } from './frames.ts';
import { PeerType, readPeerMessage } from './peer-codec.ts';
import { MessageType, type Welcome } from './protocol.ts';
import type { Ends } from './raft-codec.ts';
import type { Served, ServerSocket } from './server-connection.ts';

export interface PeerConnectionEvents {
  readonly receive: (message: PeerMessage) => void;
  /** The other side closed it, or the network did. Not told where this side did. */
  readonly closed: () => void;
  /** It broke the protocol, and is closed. */
  readonly refused: (error: LmError) => void;
}

export class PeerConnection implements Served {
  readonly #ends: Ends;
  readonly #socket: ServerSocket;
  readonly #parser: FrameParser;
  readonly #events: PeerConnectionEvents;
  #over = false;
  /** Sweeps since the last byte. Counted, not timed: a server that was stopped reads first. */
  #silentSweeps = 0;
  /** What the socket did not take. */
  #unsent: Uint8Array | null = null;

  constructor(options: {
    /** Whose messages these are, and this server. */
    readonly ends: Ends;
    readonly socket: ServerSocket;
    /** The parser that read the hello, and may have read on. */
    readonly parser: FrameParser;
    readonly events: PeerConnectionEvents;
  }) {
    this.#ends = options.ends;
    this.#socket = options.socket;
    this.#parser = options.parser;
    this.#events = options.events;
  }

  greet(welcome: Welcome): void {
    this.#parser.bytesMax = PEER_FRAME_BYTES_MAX;
    this.#send(welcome);
  }

  receive(chunk: Uint8Array): Served {
    if (this.#over) return this;
    this.#silentSweeps = 0;
    try {
      this.#parser.push(chunk, (fields) => {
        this.#take(fields);
        return !this.#over;
      });
    } catch (error) {
      this.#refuse(error);
    }
    return this;
  }

  drain(): void {
    if (this.#over || this.#unsent === null) return;
    const bytes = this.#unsent;
    this.#unsent = null;
    this.#write(bytes);
  }

  /** Called about once a second. */
  checkDeadlines(): void {
    this.#silentSweeps++;
    if (this.#silentSweeps > PEER_SILENT_SWEEPS_MAX) this.cut();
  }

  closed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.closed();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.end();
  }

  /** Ends it at once, without a word to the core. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.terminate();
  }

  #take(fields: readonly unknown[]): void {
    // A pong that does not fit is no loss: what is on its way already says that someone is here.
    if (fields[0] === PeerType.ping) {
      if (this.#unsent === null) this.#send([PeerType.pong, 0]);
      return;
    }
    this.#events.receive(readPeerMessage(fields, this.#ends));
  }

  /** Bad input is answered by name; a defect in lm goes on to whoever runs this. */
  #refuse(error: unknown): void {
    if (!(error instanceof LmError)) throw error;
    const { code, message, hint, details } = error;
    this.#send([MessageType.error, 0, code, message, hint, details]);
    this.end();
    this.#events.refused(error);
  }

  #send(message: readonly unknown[]): void {
    this.#write(encodeFrame(message));
  }

  #write(bytes: Uint8Array): void {
    const all = this.#unsent === null ? bytes : Buffer.concat([this.#unsent, bytes]);
    const sent = Math.max(0, this.#socket.write(all));
    this.#unsent = sent < all.length ? new Uint8Array(all.subarray(sent)) : null;
  }
}
