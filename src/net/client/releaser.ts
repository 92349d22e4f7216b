/**
 * Gives seats back over one pool's link: at once where it is up, else when the pool answers again.
 * What can't be given back ends by its lifetime; nothing is kept longer than that.
 */
import { KEY_LIFETIME_MS_DEFAULT } from '../../engine/limits.ts';
import { MessageType, type Release } from '../protocol.ts';
import { Backoff } from './backoff.ts';
import { type Connection, failureIn, unexpected } from './connection.ts';
import { PASSING_CODES } from './heartbeat.ts';
import { BACKOFF_MS_MAX, ORPHANS_MAX, RENEWAL_PAUSE_MS_MIN } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Cancel, Scheduler } from './scheduler.ts';

export interface Holding {
  readonly key: Uint8Array;
  readonly ticket: Uint8Array;
  /** Of a commuted seat: an index of the ledger at which it was there. */
  readonly index?: number | null | undefined;
}

export interface Returned {
  /** False where the seat had ended already. */
  readonly released: boolean;
  readonly count: number;
}

export interface ReleaserOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
}

export class Releaser {
  readonly #link: PoolLink;
  readonly #options: ReleaserOptions;
  readonly #pending = new Set<Promise<Returned | null>>();
  readonly #givings = new Set<Giving>();
  /** When the newest of them was begun, boot-time clock. */
  #newestAt = 0;

  constructor(link: PoolLink, options: ReleaserOptions) {
    this.#link = link;
    this.#options = options;
  }

  /**
   * Null where no server could be told. Waits at most `waitMs`, and goes on by itself after it.
   * `first` is told where it is still connected: a line is left at the server that has it.
   */
  async give(
    holding: Holding,
    waitMs: number,
    first: Connection | null = null,
  ): Promise<Returned | null> {
    const given = this.#giveEventually(holding, first);
    return await this.#options.scheduler.within(given, waitMs, () => null);
  }

  /** Waits until nothing is left to be given back, or has been tried for `waitMs`. */
  async settle(waitMs: number): Promise<void> {
    const left = this.#newestAt + waitMs - this.#options.scheduler.clock();
    if (this.#pending.size === 0 || left <= 0) return;
    await this.#options.scheduler.within(Promise.allSettled(this.#pending), left, () => []);
  }

  /** Stops trying. */
  abandon(): void {
    for (const giving of [...this.#givings]) giving.end(null);
  }

  #giveEventually(holding: Holding, first: Connection | null): Promise<Returned | null> {
    if (this.#pending.size >= ORPHANS_MAX) return Promise.resolve(null);
    const given = new Promise<Returned | null>((resolve) => {
      const giving = new Giving({ ...this.#options, link: this.#link, holding }, (result) => {
        this.#givings.delete(giving);
        resolve(result);
      });
      this.#givings.add(giving);
      giving.tell(first);
    });
    this.#pending.add(given);
    this.#newestAt = this.#options.scheduler.clock();
    void given.finally(() => this.#pending.delete(given));
    return given;
  }
}

interface GivingOptions extends ReleaserOptions {
  readonly link: PoolLink;
  readonly holding: Holding;
}

/** One seat on its way back, told until a server has an answer, or its lifetime is over anyway. */
class Giving {
  readonly #options: GivingOptions;
  readonly #onEnd: (result: Returned | null) => void;
  readonly #backoff: Backoff;
  readonly #unsubscribe: () => void;
  readonly #expiry: Cancel;
  #pause: Cancel | null = null;
  #asking: Connection | null = null;

  constructor(options: GivingOptions, onEnd: (result: Returned | null) => void) {
    const { link, scheduler, random } = options;
    this.#options = options;
    this.#onEnd = onEnd;
    const pace = { firstMs: RENEWAL_PAUSE_MS_MIN, maxMs: BACKOFF_MS_MAX, random };
    this.#backoff = new Backoff(pace);
    this.#unsubscribe = link.subscribe((connection) => this.tell(connection));
    this.#expiry = scheduler.after(KEY_LIFETIME_MS_DEFAULT, () => this.end(null));
  }

  end(result: Returned | null): void {
    this.#unsubscribe();
    this.#expiry();
    this.#pause?.();
    this.#onEnd(result);
  }

  /** On the link's connection unless told otherwise; without one the link redials. */
  tell(given: Connection | null): void {
    const connection = given === null || given.closed ? this.#options.link.current : given;
    // A server that was left on purpose still answers what it was asked.
    if (connection === null || (this.#asking !== null && !this.#asking.closed)) return;
    this.#pause?.();
    this.#asking = connection;
    sendRelease(connection, this.#options.holding).then(
      (answer) => this.#onAnswer(answer),
      () => {
        this.#asking = null;
        if (connection.closed) this.tell(null);
        else this.end(null);
      },
    );
  }

  #onAnswer(answer: Returned | 'later' | 'fenced'): void {
    this.#asking = null;
    // A fenced server's seats come back together, when the lifetime of the last of them is over.
    if (answer === 'fenced') this.end(null);
    else if (answer !== 'later') this.end(answer);
    else {
      const pauseMs = this.#backoff.next();
      this.#pause = this.#options.scheduler.after(pauseMs, () => this.tell(null));
    }
  }
}

async function sendRelease(
  connection: Connection,
  { key, ticket, index = null }: Holding,
): Promise<Returned | 'later' | 'fenced'> {
  const build = (sequence: number): Release => {
    const release = [MessageType.release, sequence, key, ticket] as const;
    return index === null ? [...release] : [...release, index];
  };
  const { message } = await connection.call(build);
  switch (message[0]) {
    case MessageType.released:
      return { released: message[2], count: message[3] };
    case MessageType.fenced:
      return 'fenced';
    case MessageType.gone:
      return PASSING_CODES.has(message[2]) ? 'later' : { released: false, count: 0 };
    default:
      throw failureIn(message) ?? unexpected(connection.address);
  }
}
