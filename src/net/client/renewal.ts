/**
 * The heartbeats of one seat: when they go out and where, until an answer ends the seat or its
 * keeper stops them. A lost server is followed by the others, which relay, let wait, or take the
 * seat over (DESIGN section 7).
 */
import { LmError } from '../../engine/errors.ts';
import { Backoff } from './backoff.ts';
import type { Connection } from './connection.ts';
import { type BeatAnswer, PASSING_CODES, sendHeartbeat } from './heartbeat.ts';
import { BACKOFF_MS_MAX, BUSY_ANSWERS_MAX, CLAIMS_MAX, RENEWAL_PAUSE_MS_MIN } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Cancel, Scheduler } from './scheduler.ts';
import type { Granted } from './waiter.ts';

type Alive = BeatAnswer & { readonly kind: 'alive' };

export interface RenewalOptions {
  readonly link: PoolLink;
  readonly scheduler: Scheduler;
  readonly random: () => number;
  /** The seat as it is now: its ticket and its server change. */
  readonly granted: () => Granted;
  /** When the seat's lifetime is over, boot-time clock. */
  readonly expiresAt: () => number;
  readonly onAlive: (answer: Alive) => void;
  /** The seat has ended. */
  readonly onGone: (reason: LmError) => void;
}

export class Renewal {
  readonly #options: RenewalOptions;
  readonly #backoff: Backoff;
  readonly #unsubscribe: () => void;
  #due: Cancel | null = null;
  /** The connection whose answer to a heartbeat is awaited. */
  #asking: Connection | null = null;
  /** Answers of `busy` and claims in a row. */
  #busy = 0;
  #claims = 0;
  #stopped = false;
  #lastFailure: LmError | null = null;

  /** `sentAt` is when the request went out that the seat answers. */
  constructor(options: RenewalOptions, sentAt: number) {
    const { link, random } = options;
    const pace = { firstMs: RENEWAL_PAUSE_MS_MIN, maxMs: BACKOFF_MS_MAX, random };
    this.#options = options;
    this.#backoff = new Backoff(pace);
    this.#unsubscribe = link.subscribe((_, occasion) => {
      // A server that was left on purpose still answers what it was asked.
      const idle = this.#due === null && this.#asking === null;
      if (occasion === 'lost' || idle) this.#beat();
    });
    this.#schedule(sentAt);
  }

  /** Why the last heartbeat did not renew the seat, or null. */
  get lastFailure(): LmError | null {
    return this.#lastFailure;
  }

  /** Of the seat's lifetime; 0 or less where it is over. */
  get #leftMs(): number {
    const { expiresAt, scheduler } = this.#options;
    return expiresAt() - scheduler.clock();
  }

  stop(): void {
    this.#stopped = true;
    this.#due?.();
    this.#unsubscribe();
  }

  #schedule(sentAt: number): void {
    const { granted, random } = this.#options;
    const intervalMs = (granted().lifetimeMs / 3) * (0.9 + random() / 10);
    this.#at(sentAt + intervalMs, () => this.#beat());
  }

  #at(due: number, run: () => void): void {
    this.#due?.();
    this.#due = this.#options.scheduler.at(due, () => {
      this.#due = null;
      run();
    });
  }

  /** Without a connection nothing is to be done: the link redials, and a new one calls this. */
  #beat(): void {
    const connection = this.#options.link.current;
    if (connection === null || this.#asking === connection || this.#stopped) return;
    this.#send(connection, null);
  }

  #send(connection: Connection, fence: number | null): void {
    const { key, ticket, lifetimeMs } = this.#options.granted();
    this.#due?.();
    this.#due = null;
    this.#asking = connection;
    const settled = () => {
      if (this.#stopped || this.#asking !== connection) return false;
      this.#asking = null;
      return true;
    };
    sendHeartbeat(connection, { key, ticket, lifetimeMs, fence }).then(
      (answer) => {
        if (settled()) this.#onAnswer(connection, answer, fence);
      },
      (error: unknown) => {
        if (!(error instanceof LmError)) throw error;
        if (!settled()) return;
        this.#lastFailure = error;
        if (connection.closed) this.#beat();
        else this.#retry(connection, error, true);
      },
    );
  }

  #onAnswer(connection: Connection, answer: BeatAnswer, quoted: number | null): void {
    if (answer.kind !== 'fenced') this.#claims = 0;
    switch (answer.kind) {
      case 'fenced':
        this.#onFenced(connection, answer, quoted);
        break;
      case 'gone':
        this.#onGone(connection, answer);
        break;
      case 'alive':
        this.#busy = 0;
        this.#backoff.reset();
        this.#lastFailure = null;
        this.#options.onAlive(answer);
        this.#schedule(answer.sentAt);
    }
  }

  /**
   * Claims the seat at once, while its lifetime runs: so it can't have been issued to someone else
   * before the fence, and after it only a claim moves it. A seat whose lifetime is over is lost.
   */
  #onFenced(
    connection: Connection,
    { fence, server }: BeatAnswer & { readonly kind: 'fenced' },
    quoted: number | null,
  ): void {
    if (this.#leftMs <= 0) return;
    this.#claims += 1;
    if (connection.closed) {
      this.#beat();
    } else if (fence !== quoted && this.#claims <= CLAIMS_MAX) {
      this.#send(connection, fence);
    } else {
      this.#claims = 0;
      this.#retry(connection, claimRefused(connection.server, server), true);
    }
  }

  #onGone(connection: Connection, { code, error }: BeatAnswer & { readonly kind: 'gone' }): void {
    const { server } = connection;
    if (code === 'unknown-key') {
      // Another server that does not know the key says nothing about the one that issued it.
      const passing = server !== this.#options.granted().server;
      if (passing) this.#retry(connection, unknownKey(server), true);
      else this.#options.onGone(unknownKey(server));
    } else if (PASSING_CODES.has(code)) {
      this.#busy = code === 'busy' ? this.#busy + 1 : 0;
      // The pool is about to settle whose seat it is: every server waits for the same.
      this.#retry(connection, error, this.#busy % BUSY_ANSWERS_MAX === 0);
    } else {
      this.#options.onGone(error);
    }
  }

  /**
   * The seat stays valid until its lifetime is over; the next heartbeat may do better. The less is
   * left of it, the sooner: a pool that works again just before must not be missed.
   */
  #retry(connection: Connection, reason: LmError, elsewhere: boolean): void {
    const { link, scheduler, granted } = this.#options;
    this.#lastFailure = reason;
    const hurryMs = Math.max(RENEWAL_PAUSE_MS_MIN, this.#leftMs / 4);
    const pauseMs = Math.min(this.#backoff.next(), granted().lifetimeMs / 12, hurryMs);
    this.#at(scheduler.clock() + pauseMs, () => {
      // The new connection calls for a heartbeat.
      if (!elsewhere || !link.moveOn(connection)) this.#beat();
    });
  }
}

function unknownKey(server: string): LmError {
  return new LmError(
    'lost',
    `Server ${server} no longer knows this seat: it was released or ended there.`,
    'Ask for it again.',
  );
}

function claimRefused(server: string, fenced: string): LmError {
  const message = `Server ${server} did not take the seat over from ${fenced}.`;
  return new LmError('busy', message, 'It is asked again.');
}
