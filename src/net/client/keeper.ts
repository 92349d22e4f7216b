/**
 * Keeps one seat: heartbeats renew it every third of its lifetime and on each new connection. The
 * lifetime counts from when the message was *sent* that a server answered, so the seat ends here
 * before any server can give it to someone else (DESIGN section 6). Once lost, it is asked for
 * again.
 */
import { LmError } from '../../engine/errors.ts';
import { PATIENCE_MS_MAX } from '../../engine/limits.ts';
import { ask } from './ask.ts';
import { BACKOFF_MS_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Returned } from './releaser.ts';
import { Renewal, type RenewalOptions } from './renewal.ts';
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
  #expiry: Cancel | null = null;
  #renewal: Renewal | null = null;
  #regain: AbortController | null = null;

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
    const { link, scheduler, random } = this.#options;
    this.#granted = granted;
    this.#state = 'active';
    this.#prolong(granted.sentAt, granted.lifetimeMs);
    // A hold ends at its time: nothing renews it.
    if (this.#options.wish.holdMs > 0) return;
    const renewal: RenewalOptions = {
      ...{ link, scheduler, random },
      granted: () => this.#granted,
      expiresAt: () => this.#expiresAt,
      onAlive: ({ ticket, lifetimeMs, sentAt, claimedBy }) => {
        const { server } = this.#granted;
        this.#granted = { ...this.#granted, ticket, server: claimedBy ?? server };
        this.#prolong(sentAt, lifetimeMs);
      },
      onGone: (reason: LmError) => this.#lose(reason),
    };
    this.#renewal = new Renewal(renewal, granted.sentAt);
  }

  #end(): void {
    this.#state = 'ended';
    this.#pause();
    this.#options.events.ended();
  }

  #pause(): void {
    this.#expiry?.();
    this.#renewal?.stop();
  }

  #prolong(sentAt: number, lifetimeMs: number): void {
    this.#expiresAt = Math.max(this.#expiresAt, sentAt + lifetimeMs);
    this.#expiry?.();
    this.#expiry = this.#options.scheduler.at(this.#expiresAt, () => this.#lose(this.#overdue()));
  }

  #overdue(): LmError {
    const { application, lifetimeMs } = this.#granted;
    const held = this.#options.wish.holdMs > 0;
    const message = held
      ? `The hold on ${application} is over.`
      : `The seat of ${application} was lost: no server renewed it for ${lifetimeMs / 1_000} s.`;
    const last = this.#renewal?.lastFailure ?? null;
    const details = last === null ? {} : { last: { code: last.code, message: last.message } };
    return new LmError('lost', message, 'Check that the servers run and can be reached.', details);
  }

  #lose(reason: LmError): void {
    if (this.#state !== 'active') return;
    if (reason.code === 'evicted') {
      this.#end();
      // This is the ack by which its seat is free.
      const { key, ticket } = this.#granted;
      void this.#options.link.releaser.give({ key, ticket }, 0);
    } else if (this.#options.wish.holdMs > 0) {
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
