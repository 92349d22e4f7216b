/**
 * Gives seats back over one pool's link: at once where it is up, else when the pool answers again.
 * What can't be given back ends by its lifetime; nothing is kept longer than that.
 */
import { KEY_LIFETIME_MS_DEFAULT } from '../../engine/limits.ts';
import { MessageType, type Release } from '../protocol.ts';
import { type Connection, unexpected } from './connection.ts';
import { ORPHANS_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Scheduler } from './scheduler.ts';

export interface Holding {
  readonly key: Uint8Array;
  readonly ticket: Uint8Array;
}

export interface Returned {
  /** False where the seat had ended already. */
  readonly released: boolean;
  readonly count: number;
}

export class Releaser {
  readonly #link: PoolLink;
  readonly #scheduler: Scheduler;
  readonly #pending = new Set<Promise<Returned | null>>();
  readonly #abandon = new Set<() => void>();
  /** When the newest of them was begun, boot-time clock. */
  #newestAt = 0;

  constructor(link: PoolLink, scheduler: Scheduler) {
    this.#link = link;
    this.#scheduler = scheduler;
  }

  /** Null where no server could be told. Waits at most `waitMs`, and goes on by itself after it. */
  async give(holding: Holding, waitMs: number): Promise<Returned | null> {
    const given = this.#giveEventually(holding);
    return await this.#within(given, waitMs, null);
  }

  /** Waits until nothing is left to be given back, or has been tried for `waitMs`. */
  async settle(waitMs: number): Promise<void> {
    const left = this.#newestAt + waitMs - this.#scheduler.clock();
    if (this.#pending.size === 0 || left <= 0) return;
    await this.#within(Promise.allSettled(this.#pending), left, null);
  }

  /** Stops trying. */
  abandon(): void {
    for (const end of [...this.#abandon]) end();
  }

  #giveEventually(holding: Holding): Promise<Returned | null> {
    if (this.#pending.size >= ORPHANS_MAX) return Promise.resolve(null);
    const given = new Promise<Returned | null>((resolve) => {
      const end = (result: Returned | null) => {
        unsubscribe();
        cancel();
        this.#abandon.delete(abandon);
        resolve(result);
      };
      const abandon = () => end(null);
      const tell = (connection: Connection) => {
        // A lost connection: the link redials, and this is tried again on the next one.
        sendRelease(connection, holding).then(end, () => connection.closed || end(null));
      };
      const unsubscribe = this.#link.subscribe(tell);
      const cancel = this.#scheduler.after(KEY_LIFETIME_MS_DEFAULT, abandon);
      this.#abandon.add(abandon);
      if (this.#link.current !== null) tell(this.#link.current);
    });
    this.#pending.add(given);
    this.#newestAt = this.#scheduler.clock();
    void given.finally(() => this.#pending.delete(given));
    return given;
  }

  #within<T, U>(promise: Promise<T>, waitMs: number, late: U): Promise<T | U> {
    return new Promise((resolve, reject) => {
      const cancel = this.#scheduler.after(waitMs, () => resolve(late));
      promise.then(resolve, reject).finally(cancel);
    });
  }
}

async function sendRelease(connection: Connection, { key, ticket }: Holding): Promise<Returned> {
  const build = (sequence: number): Release => [MessageType.release, sequence, key, ticket];
  const { message } = await connection.call(build);
  if (message[0] !== MessageType.released) throw unexpected(connection.address);
  const [, , released, count] = message;
  return { released, count };
}
