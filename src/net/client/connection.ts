/**
 * One connection to one server, after the hello: requests go out numbered, replies find their
 * request by its number. A reply that nothing waits for any more is ignored.
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { LmError } from '../../engine/errors.ts';
import { CLIENT_FRAME_BYTES_MAX, SERVER_FRAME_BYTES_MAX } from '../../engine/limits.ts';
import { encodeFrame, FrameParser } from '../frames.ts';
import {
  type ClientRequest,
  type Hello,
  MessageType,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  type RlfGet,
  type ServerFields,
  type ServerMessage,
  type Welcome,
} from '../protocol.ts';
import { DRAIN_MS, REPLY_MS_MAX } from './limits.ts';
import { errorFrom, readServerMessage } from './replies.ts';
import type { Cancel, Scheduler } from './scheduler.ts';

/** A server's answer, and when the message that it answers was sent (boot-time clock). */
export interface Reply {
  readonly message: ServerMessage;
  readonly sentAt: number;
}

export interface Exchange {
  /** Returns true when this was the last reply to the request. */
  readonly onReply: (reply: Reply) => boolean;
  readonly onError: (error: LmError) => void;
}

interface Pending extends Exchange {
  readonly sentAt: number;
}

/** The other end, as it showed itself in the TLS handshake. */
export interface PeerSeen {
  /** HOST:PORT as dialled. */
  readonly address: string;
  readonly certificate: X509Certificate;
  readonly fingerprint: string;
}

export class Connection {
  readonly address: string;
  readonly certificate: X509Certificate;
  readonly fingerprint: string;
  readonly #socket: TLSSocket;
  readonly #scheduler: Scheduler;
  readonly #parser = new FrameParser(CLIENT_FRAME_BYTES_MAX);
  readonly #pending = new Map<number, Pending>();
  readonly #closeListeners = new Set<(error: LmError) => void>();
  #welcome: Welcome = NOT_GREETED;
  #sequence = 0;
  #closedBy: LmError | null = null;
  #served = false;
  #hung = false;
  #draining = false;
  #drained: Cancel | null = null;
  #newestRlf = 0;
  #onOutdated: () => void = () => undefined;

  /** Takes over the socket's events. */
  constructor(socket: TLSSocket, peer: PeerSeen, scheduler: Scheduler) {
    this.address = peer.address;
    this.certificate = peer.certificate;
    this.fingerprint = peer.fingerprint;
    this.#socket = socket;
    this.#scheduler = scheduler;
    socket.removeAllListeners();
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    // Also after the close, when a destroyed socket may still report an error.
    socket.on('error', (error) => this.close(lostConnection(this.address, error.message)));
    socket.on('close', () => this.close());
  }

  /** The highest that both sides speak: what came with a later one is not said. */
  get protocol(): number {
    return this.#welcome[2];
  }

  get pool(): string {
    return this.#welcome[3];
  }

  get server(): string {
    return this.#welcome[4];
  }

  get rlfSequence(): number {
    return this.#welcome[5];
  }

  get epoch(): number {
    return this.#welcome[7];
  }

  get servers(): readonly ServerFields[] {
    return this.#welcome[8];
  }

  /** The first exchange: who we are, and who the server is. */
  async greet(hello: (sequence: number) => Hello): Promise<void> {
    const { message } = await this.call(hello);
    if (message[0] !== MessageType.welcome) throw unexpected(this.address);
    this.#welcome = message;
    this.#parser.bytesMax = SERVER_FRAME_BYTES_MAX;
    const { protocol } = this;
    if (protocol < PROTOCOL_MIN || protocol > PROTOCOL_MAX) throw otherProtocol(this);
  }

  /** Whether it answered anything since the hello. */
  get served(): boolean {
    return this.#served;
  }

  /** Whether it was given up for owing a reply: other servers are to be tried first. */
  get hung(): boolean {
    return this.#hung;
  }

  get closed(): boolean {
    return this.#closedBy !== null;
  }

  /** Sends a message and returns its number; the exchange ends with its last reply or `forget`. */
  send(build: (sequence: number) => ClientRequest | Hello, exchange: Exchange): number {
    if (this.#closedBy !== null) throw this.#closedBy;
    const sequence = ++this.#sequence;
    const frame = encodeFrame(build(sequence));
    // Before the write: what happens in between must shorten the lifetime, never lengthen it.
    this.#pending.set(sequence, { ...exchange, sentAt: this.#scheduler.clock() });
    this.#socket.write(frame);
    return sequence;
  }

  forget(sequence: number): void {
    if (this.#pending.delete(sequence)) this.#closeIfDrained();
  }

  /**
   * Closes when nothing has been under way for a moment: whoever still waits here gets the answer,
   * and may say a last word, as a waiter does that leaves the line.
   */
  drain(): void {
    this.#draining = true;
    this.#closeIfDrained();
  }

  /** The server owes a reply: it is taken for dead. */
  giveUp(): void {
    this.#hung = true;
    this.close(silent(this.address));
  }

  /** Called when the server tells that a newer RLF is in force than it welcomed with. */
  onOutdated(listener: () => void): void {
    this.#onOutdated = listener;
  }

  /** Sends a message that has exactly one reply. A server that owes it too long is given up. */
  call(
    build: (sequence: number) => ClientRequest | Hello,
    timeoutMs = REPLY_MS_MAX,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const cancel = this.#scheduler.after(timeoutMs, () => this.giveUp());
      const settled = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          cancel();
          settle(value);
        };
      };
      const onReply = settled((reply: Reply) => {
        const failure = failureIn(reply.message);
        if (failure === null) resolve(reply);
        else reject(failure);
      });
      const exchange = {
        onReply: (reply: Reply) => {
          onReply(reply);
          return true;
        },
        onError: settled(reject),
      };
      try {
        this.send(build, exchange);
      } catch (error) {
        cancel();
        reject(error);
      }
    });
  }

  /** The text of the RLF in force at this server. Whoever asks has to verify it. */
  async rlfText(): Promise<string> {
    const ask = (sequence: number): RlfGet => [MessageType.rlfGet, sequence];
    const { message } = await this.call(ask);
    if (message[0] !== MessageType.rlf) throw unexpected(this.address);
    return message[2];
  }

  onClose(listener: (error: LmError) => void): () => void {
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  close(reason: LmError = lostConnection(this.address)): void {
    if (this.#closedBy !== null) return;
    this.#closedBy = reason;
    this.#drained?.();
    this.#socket.destroy();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { onError } of pending) onError(reason);
    const listeners = [...this.#closeListeners];
    this.#closeListeners.clear();
    for (const listener of listeners) listener(reason);
  }

  /** Whether this connection keeps the process from ending by itself. */
  keepAlive(keepsAlive: boolean): void {
    if (keepsAlive) this.#socket.ref();
    else this.#socket.unref();
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#parser.push(chunk, (fields) => {
        const message = readServerMessage(fields);
        if (message !== null) this.#dispatch(message);
        return !this.closed;
      });
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      this.close(error);
    }
  }

  #dispatch(message: ServerMessage): void {
    const sequence = message[1];
    if (sequence === 0 && message[0] === MessageType.error) {
      // The server says why it is about to close.
      this.close(failureIn(message) ?? lostConnection(this.address));
      return;
    }
    const pending = this.#pending.get(sequence);
    if (pending === undefined) return;
    this.#served ||= message[0] !== MessageType.welcome;
    const last = pending.onReply({ message, sentAt: pending.sentAt });
    if (last) this.forget(sequence);
    this.#noteRlf(message);
  }

  #noteRlf(message: ServerMessage): void {
    const rlfSequence = rlfSequenceIn(message);
    if (rlfSequence <= Math.max(this.rlfSequence, this.#newestRlf)) return;
    this.#newestRlf = rlfSequence;
    if (!this.closed) this.#onOutdated();
  }

  #closeIfDrained(): void {
    if (!this.#draining || this.#pending.size > 0 || this.closed) return;
    this.#drained?.();
    this.#drained = this.#scheduler.after(DRAIN_MS, () => {
      if (this.#pending.size === 0) this.close(closedHere());
    });
  }
}

const NOT_GREETED: Welcome = [MessageType.welcome, 0, 0, '', '', 0, '', 0, []];

/** Authorizations name the RLF in force, since the pool's servers may be others by now. */
function rlfSequenceIn(message: ServerMessage): number {
  if (message[0] === MessageType.alive) return message[4];
  return message[0] === MessageType.grant ? message[8] : 0;
}

/** The failure that a message reports, or null for any other message. */
export function failureIn(message: ServerMessage): LmError | null {
  if (message[0] !== MessageType.error) return null;
  const [, , code, text, hint, details] = message;
  return errorFrom(code, text, hint, details);
}

export function unexpected(address: string): LmError {
  return new LmError(
    'protocol',
    `The server at ${address} gave an answer that does not fit the question.`,
    'Check that both sides are up to date.',
  );
}

function otherProtocol({ address, protocol }: Connection): LmError {
  return new LmError(
    'protocol',
    `The server at ${address} speaks protocol ${protocol}; ` +
      `this lm, ${PROTOCOL_MIN} to ${PROTOCOL_MAX}.`,
    'Update the older side.',
  );
}

export function lostConnection(address: string, reason?: string): LmError {
  return new LmError(
    'unreachable',
    `The connection to ${address} was lost${reason === undefined ? '' : ` (${reason})`}.`,
    'Check that the server runs, or wait for it with --wait.',
    { address },
  );
}

export function closedHere(): LmError {
  return new LmError('unreachable', 'The connection was closed on this side.', '');
}

export function silent(address: string): LmError {
  return new LmError(
    'unreachable',
    `The server at ${address} does not answer.`,
    'Check that the server runs and that the network lets its port through.',
    { address },
  );
}
