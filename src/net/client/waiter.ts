/**
 * One request at one server: sent once, or, in the line, polled. Each poll is the request again, so
 * a grant counts from the poll that it answers, and a lost reply costs nothing.
 */
import type { LmError } from '../../engine/errors.ts';
import { type CommuteFields, MessageType, type Request, type Waiting } from '../protocol.ts';
import { type Connection, failureIn, type Reply, unexpected } from './connection.ts';
import { POLL_MS_MAX, POLL_MS_MIN, POLLS_MAX, REPLY_MS_MAX } from './limits.ts';
import { errorFrom } from './replies.ts';
import type { Cancel, Scheduler } from './scheduler.ts';

export interface Wish {
  readonly vendor: string | null;
  readonly application: string;
  readonly version: string | null;
  readonly count: number;
  readonly holdMs: number;
  /** The seats are to leave the network. */
  readonly commute?: CommuteFields | undefined;
}

export interface Granted {
  readonly key: Uint8Array;
  readonly ticket: Uint8Array;
  readonly lifetimeMs: number;
  /** When the request or poll was sent that the grant answers: the lifetime counts from here. */
  readonly sentAt: number;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly pool: string;
  readonly server: string;
}

/** Where a waiter stands in the line: `position` 1 is next. */
export interface Place {
  readonly position: number;
  readonly waiting: number;
}

/** What keeps a place in the line when the server is lost at which it is: the newest, if any. */
export interface PlaceTicket {
  newest: Uint8Array | null;
}

export interface AskServerOptions {
  readonly key: Uint8Array;
  readonly place: PlaceTicket;
  /** Boot-time clock; 0 asks for an answer now. */
  readonly patienceUntil: number;
  readonly signal: AbortSignal;
  readonly onWaiting: (news: { readonly place: Place }) => void;
  readonly scheduler: Scheduler;
}

/** @throws LmError the denial, or `unreachable`; or the signal's reason. */
export function askServer(
  connection: Connection,
  wish: Wish,
  options: AskServerOptions,
): Promise<Granted> {
  return new Promise((resolve, reject) => {
    const waiter = new Waiter(connection, wish, options, { resolve, reject });
    waiter.start();
  });
}

interface Settle {
  readonly resolve: (granted: Granted) => void;
  readonly reject: (error: unknown) => void;
}

class Waiter {
  readonly #connection: Connection;
  readonly #wish: Wish;
  readonly #options: AskServerOptions;
  readonly #settle: Settle;
  /** Invariant: the newest polls, oldest first, at most POLLS_MAX. */
  readonly #polls: number[] = [];
  #nextPoll: Cancel | null = null;
  #lastPoll: Cancel | null = null;
  #overdue: Cancel | null = null;
  #settled = false;

  constructor(connection: Connection, wish: Wish, options: AskServerOptions, settle: Settle) {
    this.#connection = connection;
    this.#wish = wish;
    this.#options = options;
    this.#settle = settle;
  }

  start(): void {
    const { signal, scheduler, patienceUntil } = this.#options;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (patienceUntil > scheduler.clock()) {
      this.#lastPoll = scheduler.at(patienceUntil, () => this.#poll());
    }
    this.#poll();
  }

  #poll(): void {
    const { key, patienceUntil, place, scheduler } = this.#options;
    const { vendor, application, version, count, holdMs, commute } = this.#wish;
    this.#nextPoll?.();
    const patienceMs = Math.max(0, Math.ceil(patienceUntil - scheduler.clock()));
    const request = (sequence: number): Request => [
      MessageType.request,
      ...([sequence, key, vendor, application, version, count, patienceMs, holdMs] as const),
      place.newest,
      commute ?? null,
    ];
    try {
      const sequence = this.#connection.send(request, {
        onReply: (reply) => this.#onReply(reply),
        onError: (error) => this.#finish(() => this.#settle.reject(error)),
      });
      this.#polls.push(sequence);
    } catch (error) {
      this.#finish(() => this.#settle.reject(error));
      return;
    }
    if (this.#polls.length > POLLS_MAX) this.#connection.forget(this.#polls.shift() ?? 0);
    this.#overdue ??= scheduler.after(REPLY_MS_MAX, () => this.#connection.giveUp());
  }

  #onReply({ message, sentAt }: Reply): boolean {
    this.#overdue?.();
    this.#overdue = null;
    if (message[0] === MessageType.waiting) {
      this.#onWaiting(message);
      return false;
    }
    if (message[0] === MessageType.grant) {
      const [, , ticket, lifetimeMs, vendor, application, version, count] = message;
      const { pool, server } = this.#connection;
      const { key } = this.#options;
      const of = { vendor, application, version, count, pool, server };
      const granted = { key, ticket: ticket.slice(), lifetimeMs, sentAt, ...of };
      this.#finish(() => this.#settle.resolve(granted));
      return true;
    }
    this.#finish(() => this.#settle.reject(this.#refusalIn(message)));
    return true;
  }

  #refusalIn(message: Reply['message']): LmError {
    if (message[0] !== MessageType.denied) {
      return failureIn(message) ?? unexpected(this.#connection.address);
    }
    const [, , code, text, hint, details] = message;
    return errorFrom(code, text, hint, details);
  }

  #onWaiting([, , position, waiting, pollMs, place]: Waiting): void {
    if (place !== undefined) this.#options.place.newest = place.slice();
    const bounded = Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, pollMs));
    this.#nextPoll?.();
    // Well before the server's time is up, so that one lost poll does not cost the place.
    this.#nextPoll = this.#options.scheduler.after(bounded * POLL_SHARE, () => this.#poll());
    this.#options.onWaiting({ place: { position, waiting } });
  }

  readonly #onAbort = () => this.#finish(() => this.#settle.reject(this.#options.signal.reason));

  #finish(settle: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const cancel of [this.#nextPoll, this.#lastPoll, this.#overdue]) cancel?.();
    for (const sequence of this.#polls) this.#connection.forget(sequence);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    settle();
  }
}

const POLL_SHARE = 0.7;
