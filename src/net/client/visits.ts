/**
 * Connections to servers beside the one that the link speaks to: to ask one of them for a seat, its
 * status, or an act. Whoever visits a server at the same time shares the connection, and it stays
 * open for a little while, since who asked once often asks again.
 */
import { closedHere, silent } from './connection.ts';
import { VISIT_LINGER_MS } from './limits.ts';
import type { Opened } from './race.ts';
import type { Cancel, Scheduler } from './scheduler.ts';
import { addressOf } from './server-list.ts';
import type { Target } from './trust.ts';

interface Visit {
  readonly address: string;
  readonly opening: Promise<Opened>;
  opened: Opened | null;
  users: number;
  linger: Cancel | null;
}

export interface VisitsOptions {
  readonly open: (target: Target, signal: AbortSignal) => Promise<Opened>;
  readonly scheduler: Scheduler;
}

export class Visits {
  readonly #options: VisitsOptions;
  /** By address. Invariant: none is closed or failed. */
  readonly #visits = new Map<string, Visit>();
  readonly #closing = new AbortController();
  #keepsAlive = false;

  constructor(options: VisitsOptions) {
    this.#options = options;
  }

  /**
   * Waits at most `openMsMax` for the connection.
   *
   * @throws LmError why the server can't be had; or what `use` throws.
   */
  async at<T>(target: Target, use: (opened: Opened) => Promise<T>, openMsMax: number): Promise<T> {
    const visit = this.#visits.get(addressOf(target)) ?? this.#begin(target);
    visit.linger?.();
    visit.users += 1;
    try {
      const late = () => {
        throw silent(visit.address);
      };
      const { scheduler } = this.#options;
      return await use(await scheduler.within(visit.opening, openMsMax, late));
    } finally {
      visit.users -= 1;
      if (visit.users === 0) this.#leave(visit);
    }
  }

  /** From here on the connection is the taker's: it is neither shared nor closed here. */
  take(opened: Opened): void {
    const { address } = opened.connection;
    const visit = this.#visits.get(address);
    if (visit?.opened?.connection !== opened.connection) return;
    visit.linger?.();
    this.#visits.delete(address);
  }

  keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    for (const { opened } of this.#visits.values()) opened?.connection.keepAlive(keepsAlive);
  }

  close(): void {
    this.#closing.abort(closedHere());
    for (const { opened, linger } of [...this.#visits.values()]) {
      linger?.();
      opened?.connection.close(closedHere());
    }
  }

  #begin(target: Target): Visit {
    const address = addressOf(target);
    const opening = this.#options.open(target, this.#closing.signal);
    const visit: Visit = { address, opening, opened: null, users: 0, linger: null };
    this.#visits.set(address, visit);
    opening.then(
      (opened) => {
        const { connection } = opened;
        visit.opened = opened;
        connection.keepAlive(this.#keepsAlive);
        connection.onClose(() => this.#forget(visit));
        // It took so long that nobody waits for it any more.
        if (this.#visits.get(address) !== visit) connection.close(closedHere());
      },
      () => this.#forget(visit),
    );
    return visit;
  }

  #leave(visit: Visit): void {
    if (this.#visits.get(visit.address) !== visit) return;
    visit.linger = this.#options.scheduler.after(VISIT_LINGER_MS, () => {
      this.#forget(visit);
      visit.opened?.connection.drain();
    });
  }

  #forget(visit: Visit): void {
    visit.linger?.();
    if (this.#visits.get(visit.address) === visit) this.#visits.delete(visit.address);
  }
}
