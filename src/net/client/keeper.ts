/**
 * Keeps one seat alive: heartbeats every third of its lifetime and on each new connection. The
 * lifetime counts from when the message was *sent* that a server answered, so the seat ends here
 * before any server can give it to someone else (DESIGN section 6). Once lost, it is asked for
 * again.
 */
import { LmError } from '../../engine/errors.ts';
import { PATIENCE_MS_MAX } from '../../engine/limits.ts';
import { type Alive, type Gone, type Heartbeat, MessageType } from '../protocol.ts';
import { ask } from './ask.ts';
import { type Connection, failureIn, type Reply, unexpected } from './connection.ts';
import { BACKOFF_MS_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Returned } from './releaser.ts';
import { errorFrom } from './replies.ts';
import type { Cancel, Scheduler } from './scheduler.ts';
import type { Granted, Wish } from './waiter.ts';

export interface KeeperEvents {
  /** The seat is no longer this client's. */
  readonly lost: (reason: LmError) => void;
  readonly regained: () => void;
  /** The seat was asked for again, and refused; it will be asked for once more later. */
  readonly denied: (reason: LmError) => void;
  /** Nothing is kept any more, and nothing asked for again. */
  readonly ended: () => void;
}

export interface KeeperOptions {
  readonly link: PoolLink;
  readonly wish: Wish;
  readonly granted: Granted;
  readonly scheduler: Scheduler;
  readonly random: () => number;
  readonly newKey: () => Uint8Array;
  readonly events: KeeperEvents;
}

export class Keeper {
  readonly #options: KeeperOptions;
  #granted: Granted;
  /**
   * Boot-time clock. Invariant: at most `lifetimeMs` after a message was sent that was answered.
   */
  #expiresAt = 0;
  #state: 'active' | 'lost' | 'ended' = 'active';
  #heartbeat: Cancel | null = null;
  #expiry: Cancel | null = null;
  #unsubscribe: (() => void) | null = null;
  /** The connection whose answer to a heartbeat is awaited. */
  #asking: Connection | null = null;
  #regain: AbortController | null = null;
  /** Why the last heartbeat did not renew the seat. */
  #lastFailure: LmError | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#granted = options.granted;
    this.#begin(options.granted);
  }

  get granted(): Granted {
    return this.#granted;
  }

  /** Boot-time clock. */
  get expiresAt(): number {
    return this.#expiresAt;
  }

  /** Asked of the clock: a machine that slept past the lifetime has no seat, timers or not. */
  get valid(): boolean {
    return this.#state === 'active' && this.#options.scheduler.clock() < this.#expiresAt;
  }

  /** Gives the seat back and stops. Null where no server could be told within `waitMs`. */
  async release(waitMs: number): Promise<Returned | null> {
    if (this.#state === 'ended') return { released: false, count: 0 };
    const { key, ticket } = this.#granted;
    this.stop();
    return await this.#options.link.releaser.give({ key, ticket }, waitMs);
  }

  /** Stops without a word to the server: the seat ends by its lifetime. */
  stop(): void {
    this.#end();
    this.#regain?.abort();
  }

  #begin(granted: Granted): void {
    this.#granted = granted;
    this.#state = 'active';
    this.#prolong(granted.sentAt, granted.lifetimeMs);
    // A hold ends at its time: nothing renews it.
    if (this.#options.wish.holdMs > 0) return;
    this.#unsubscribe = this.#options.link.subscribe(() => this.#beat());
    this.#scheduleHeartbeat(granted.sentAt);
  }

  #end(): void {
    this.#state = 'ended';
    this.#pause();
    this.#options.events.ended();
  }

  #pause(): void {
    this.#heartbeat?.();
    this.#expiry?.();
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#asking = null;
  }

  #prolong(sentAt: number, lifetimeMs: number): void {
    this.#expiresAt = Math.max(this.#expiresAt, sentAt + lifetimeMs);
    this.#expiry?.();
    this.#expiry = this.#options.scheduler.at(this.#expiresAt, () => this.#lose(this.#overdue()));
  }

  #scheduleHeartbeat(sentAt: number): void {
    const { scheduler, random } = this.#options;
    const intervalMs = (this.#granted.lifetimeMs / 3) * (0.9 + random() / 10);
    this.#heartbeat?.();
    this.#heartbeat = scheduler.at(sentAt + intervalMs, () => this.#beat());
  }

  /** Without a connection nothing is to be done: the link redials, and a new one calls this. */
  #beat(): void {
    const connection = this.#options.link.current;
    if (connection === null || this.#asking === connection || this.#state !== 'active') return;
    this.#asking = connection;
    const granted = this.#granted;
    const { key, ticket } = granted;
    const build = (sequence: number): Heartbeat => [MessageType.heartbeat, sequence, key, ticket];
    const current = () => this.#asking === connection && this.#granted.key === granted.key;
    connection.call(build).then(
      (reply) => {
        if (current()) this.#onReply(connection, reply);
      },
      (error: LmError) => {
        if (!current()) return;
        this.#asking = null;
        if (!connection.closed) this.#retry(error);
      },
    );
  }

  #onReply(connection: Connection, { message, sentAt }: Reply): void {
    this.#asking = null;
    if (message[0] === MessageType.alive) this.#onAlive(message, sentAt);
    else if (message[0] === MessageType.gone) this.#onGone(message, connection);
    else this.#retry(failureIn(message) ?? unexpected(connection.address));
  }

  #onAlive([, , ticket, lifetimeMs]: Alive, sentAt: number): void {
    this.#granted = { ...this.#granted, ticket: ticket.slice() };
    this.#lastFailure = null;
    this.#prolong(sentAt, lifetimeMs);
    this.#scheduleHeartbeat(sentAt);
  }

  #onGone([, , code, message, hint]: Gone, { server, address }: Connection): void {
    const unknown = code === 'unknown-key';
    const reason = unknown ? unknownKey(server) : errorFrom(code, message, hint);
    // Another server that does not know the key says nothing about the one that issued it.
    const passing = unknown ? server !== this.#granted.server : PASSING_CODES.has(code);
    if (passing) this.#retry(reason, address);
    else this.#lose(reason);
  }

  /**
   * The seat stays valid until its lifetime is over; the next heartbeat may do better, at another
   * server than the one at the address given.
   */
  #retry(reason: LmError, elsewhereThan?: string): void {
    const { link, scheduler } = this.#options;
    this.#lastFailure = reason;
    this.#heartbeat?.();
    const pauseMs = Math.min(BACKOFF_MS_MAX, this.#granted.lifetimeMs / 12);
    this.#heartbeat = scheduler.after(pauseMs, () => {
      if (elsewhereThan === undefined || !link.moveOn(new Set([elsewhereThan]), true)) this.#beat();
      else link.connect().catch(() => undefined);
    });
  }

  #overdue(): LmError {
    const { application, lifetimeMs } = this.#granted;
    const held = this.#options.wish.holdMs > 0;
    const message = held
      ? `The hold on ${application} is over.`
      : `The seat of ${application} was lost: no server renewed it for ${lifetimeMs / 1_000} s.`;
    const last = this.#lastFailure;
    const details = last === null ? {} : { last: { code: last.code, message: last.message } };
    return new LmError('lost', message, 'Check that the servers run and can be reached.', details);
  }

  #lose(reason: LmError): void {
    if (this.#state !== 'active') return;
    if (this.#options.wish.holdMs > 0 || reason.code === 'evicted') {
      this.#end();
    } else {
      this.#pause();
      this.#state = 'lost';
      // Before the event, so that a listener may stop it.
      void this.#regainSeat();
    }
    this.#options.events.lost(reason);
  }

  /** Under a new key, since the old one may have been given to the dead. */
  async #regainSeat(): Promise<void> {
    const { link, wish, scheduler, events, newKey } = this.#options;
    const { key, ticket, lifetimeMs } = this.#granted;
    const regain = new AbortController();
    this.#regain = regain;
    const { signal } = regain;
    void link.releaser.give({ key, ticket }, 0);
    while (!signal.aborted) {
      try {
        const options = { waitMs: PATIENCE_MS_MAX, onWaiting: () => undefined, signal, scheduler };
        const { granted } = await ask([link], wish, { ...options, key: newKey() });
        this.#expiresAt = 0;
        this.#lastFailure = null;
        this.#begin(granted);
        return events.regained();
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof LmError)) throw error;
        events.denied(error);
        await scheduler.sleep(Math.max(BACKOFF_MS_MAX, lifetimeMs / 3), signal).catch(() => null);
      }
    }
  }
}

/** A server that can't renew now; another one may, or this one later. */
const PASSING_CODES: ReadonlySet<string> = new Set(['no-majority', 'busy', 'unreachable']);

function unknownKey(server: string): LmError {
  return new LmError(
    'lost',
    `Server ${server} no longer knows this seat: it was released or ended there.`,
    'Ask for it again.',
  );
}
