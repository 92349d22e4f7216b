/**
 * One client's connection at a server: a hello first, then its messages go to the node. Where the
 * hello is another server's, the connection is handed over.
 */
import type { Socket } from 'bun';
import { LmError } from '../engine/errors.ts';
import {
  CLIENT_FRAME_BYTES_MAX,
  FRAME_MS_MAX,
  HANDSHAKE_MS_MAX,
  HELLO_BYTES_MAX,
  IDLE_MS_MAX,
  PIPELINE_MAX,
  SEND_BUFFER_BYTES_MAX,
} from '../engine/limits.ts';
import { idText } from '../engine/seat-key.ts';
import { readClientMessage, readHello } from './client-messages.ts';
import { FrameBuffer, FrameParser } from './frames.ts';
import type { Answerable } from './node.ts';
import {
  type ClientRequest,
  type Hello,
  MessageType,
  type Role,
  type ServerMessage,
} from './protocol.ts';

/** A connection as the listener sees it, whoever is at the other end. */
export interface Served {
  /** Bytes from the socket. Returns who goes on with it: this, or who took over. */
  receive(chunk: Uint8Array, now: number): Served;
  drain(now: number): void;
  checkDeadlines(now: number): void;
  closed(): void;
  end(): void;
}

/** A connection whose hello says that it is a server's. */
export interface PeerArrival {
  readonly hello: Hello;
  readonly socket: ServerSocket;
  readonly parser: FrameParser;
}

export interface ConnectionHandler {
  /** The welcome for a client's hello. Throws LmError to refuse it. */
  readonly welcome: (hello: Hello) => ServerMessage;
  /** Takes over a connection from a server of the pool. Throws LmError to refuse it. */
  readonly acceptPeer: (arrival: PeerArrival) => Served;
  readonly receive: (client: Answerable, message: ClientRequest) => void;
  /** It was greeted once, and is gone. */
  readonly closed: (client: Answerable) => void;
  readonly refused: (connection: Refused, error: LmError) => void;
}

/** What a log says of a connection that was refused. */
export interface Refused {
  readonly address: string;
  /** What its hello says, true or not. */
  readonly role: Role;
}

export type ServerSocket = Pick<
  Socket<unknown>,
  'write' | 'end' | 'terminate' | 'pause' | 'resume' | 'getPeerX509Certificate'
>;

const NOTHING = new Uint8Array(0);

/** Megabytes are asked for, or come: one at a time, or a pipeline of them fills memory. */
const BULKY: ReadonlySet<number> = new Set([
  MessageType.status,
  MessageType.rlfGet,
  MessageType.rlfPush,
]);

export class ServerConnection implements Answerable, Served {
  readonly number: number;
  readonly address: string;
  role: Role = 'client';
  instance = '';
  user = '';
  host = '';
  pid = 0;
  readonly #socket: ServerSocket;
  readonly #handler: ConnectionHandler;
  readonly #parser = new FrameParser(HELLO_BYTES_MAX);
  readonly #opened: number;
  #greeted = false;
  #over = false;
  /** Who goes on with the socket, where a server said hello. */
  #successor: Served | null = null;
  /** Messages taken since the last answer; one with a bulky answer counts as all there may be. */
  #taken = 0;
  readonly #frames = new FrameBuffer();
  /** What the socket did not take; while there is some, nothing more is read. */
  #unsent: Uint8Array | null = null;
  #heard: number;
  /** When the other side began to owe something: the rest of a frame, or the reading of replies. */
  #owesSince: number | null = null;

  constructor(options: {
    readonly number: number;
    readonly address: string;
    readonly socket: ServerSocket;
    readonly handler: ConnectionHandler;
    readonly now: number;
  }) {
    this.number = options.number;
    this.address = options.address;
    this.#socket = options.socket;
    this.#handler = options.handler;
    this.#opened = options.now;
    this.#heard = options.now;
  }

  receive(chunk: Uint8Array, now: number): Served {
    if (this.#over) return this;
    this.#heard = now;
    this.#parse(chunk, now);
    // What came behind the hello is the successor's to read.
    return this.#successor?.receive(NOTHING, now) ?? this;
  }

  send(message: ServerMessage): void {
    if (!this.#over) this.#frames.add(message);
  }

  flush(): void {
    this.#taken = 0;
    if (this.#over) return;
    this.#write();
    if (this.#unsent === null && this.#parser.partial) this.#parse(NOTHING, this.#heard);
  }

  /** The socket takes bytes again. */
  drain(now: number): void {
    if (this.#over || this.#unsent === null) return;
    this.#write();
    if (this.#unsent !== null) return;
    this.#socket.resume();
    this.#parse(NOTHING, now);
  }

  /** Cuts off who keeps the server waiting: no hello, half a frame, replies not read, silence. */
  checkDeadlines(now: number): void {
    // Replies go out between two parses, without a clock at hand: the sweep sees what they left.
    if (this.#unsent !== null) this.#owesSince ??= now;
    const owes = this.#owesSince;
    const late =
      (!this.#greeted && now - this.#opened > HANDSHAKE_MS_MAX) ||
      (owes !== null && now - owes > FRAME_MS_MAX) ||
      now - this.#heard > IDLE_MS_MAX;
    if (late) this.#cut();
  }

  /** The socket is gone. */
  closed(): void {
    this.#over = true;
    this.#frames.take();
    this.#unsent = null;
    if (this.#greeted) this.#handler.closed(this);
    this.#greeted = false;
  }

  /** Sends what is left and closes. */
  end(): void {
    if (this.#over) return;
    this.#write();
    this.#over = true;
    this.#socket.end();
  }

  #parse(chunk: Uint8Array, now: number): void {
    let took = false;
    try {
      this.#parser.push(chunk, (fields) => {
        took = true;
        this.#take(fields);
        return !this.#over && this.#unsent === null && this.#taken < PIPELINE_MAX;
      });
    } catch (error) {
      this.#refuse(error);
      return;
    }
    const owes = this.#unsent !== null || (this.#parser.partial && this.#taken < PIPELINE_MAX);
    if (!owes) this.#owesSince = null;
    else if (took || this.#owesSince === null) this.#owesSince = now;
  }

  #take(fields: readonly unknown[]): void {
    if (this.#greeted) {
      const message = readClientMessage(fields);
      this.#taken += BULKY.has(message[0]) ? PIPELINE_MAX : 1;
      this.#handler.receive(this, message);
      return;
    }
    const hello = readHello(fields);
    const [, , , , role, , , instance, [user, host, pid]] = hello;
    this.role = role;
    this.instance = idText(instance);
    this.user = user;
    this.host = host;
    this.pid = pid;
    if (role === 'peer') {
      const arrival = { hello, socket: this.#socket, parser: this.#parser };
      this.#successor = this.#handler.acceptPeer(arrival);
      this.#over = true;
      return;
    }
    this.send(this.#handler.welcome(hello));
    this.#greeted = true;
    this.#parser.bytesMax = CLIENT_FRAME_BYTES_MAX;
    this.#write();
  }

  /** Bad input is answered by name; a defect in lm goes on to whoever runs this. */
  #refuse(error: unknown): void {
    if (!(error instanceof LmError)) throw error;
    const { code, message, hint, details } = error;
    this.#handler.refused(this, error);
    this.send([MessageType.error, 0, code, message, hint, details]);
    this.end();
  }

  #write(): void {
    const blocked = this.#unsent !== null;
    if (this.#frames.empty && !blocked) return;
    const gathered = this.#frames.take();
    const bytes = this.#unsent === null ? gathered : Buffer.concat([this.#unsent, gathered]);
    const sent = Math.max(0, this.#socket.write(bytes));
    // What gathered is overwritten by the next frames: what is left of it needs bytes of its own.
    this.#unsent = sent < bytes.length ? new Uint8Array(bytes.subarray(sent)) : null;
    if (this.#unsent === null) return;
    if (this.#unsent.length > SEND_BUFFER_BYTES_MAX) this.#cut();
    else if (!blocked) this.#socket.pause();
  }

  #cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.terminate();
  }
}
