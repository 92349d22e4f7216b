/** A client of the chaos: asks for seats, holds them for a while by the library, asks again. */
import type { LicenseClient, Seat } from '../../../src/net/client/index.ts';
import { type ErrorDetails, LmError } from '../../../src/net/client/index.ts';
import type { Random } from '../random.ts';
import type { HeldSeats } from './held-seats.ts';

/** Near the least that a license code may say: 25.04 s. */
export const LIFETIME_MS = 26_000;

/** What may be answered while servers fail; anything else is a defect. */
export const PASSING: ReadonlySet<string> = new Set([
  'timeout',
  'all-in-use',
  'busy',
  'no-majority',
  'unreachable',
]);
const WAIT_MS_MAX = 20_000;
const PAUSE_MS_MAX = 1_500;
/** Most hold a seat for a moment, some for longer than its lifetime. */
const SHORT_MS_MAX = 6_000;
const HOLD_MS_MAX = 45_000;
/** A program that dies says nothing: its seat comes back by its lifetime. */
const DIES = 0.03;

export interface Loss {
  readonly holder: number;
  /** Wall time. */
  readonly at: number;
  readonly application: string;
  readonly grantedBy: string;
  readonly server: string;
  readonly heldMs: number;
  readonly reason: string;
  readonly details: ErrorDetails;
}

export interface HolderEvents {
  /** A seat ended that nobody gave back. */
  readonly lost: (loss: Loss) => void;
  readonly problem: (words: string) => void;
  /** `granted`, or why not. */
  readonly answer: (code: string) => void;
}

export interface HolderOptions {
  readonly number: number;
  readonly client: LicenseClient;
  readonly applications: readonly string[];
  readonly seats: HeldSeats;
  readonly hears: HolderEvents;
  readonly random: Random;
  /** How long a request may wait. Default: not at all, or up to WAIT_MS_MAX. */
  readonly waitMs?: () => number;
  /** The codes of denials that are no defect. Default: PASSING. */
  readonly passing?: ReadonlySet<string>;
}

export class Holder {
  readonly #options: HolderOptions;
  readonly #stop = new AbortController();

  constructor(options: HolderOptions) {
    this.#options = options;
  }

  /** Asks and holds until it is stopped; then it holds nothing. */
  async run(): Promise<void> {
    const { random } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.#pause(random.below(PAUSE_MS_MAX));
      const seat = await this.#ask();
      if (seat !== null) await this.#hold(seat);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** A seat, had and given back at once; how long it took, in milliseconds. */
  async served(waitMs: number): Promise<number> {
    const { client, seats, applications, random } = this.#options;
    const began = performance.now();
    const seat = await client.request({ application: random.pick(applications), waitMs });
    const tookMs = performance.now() - began;
    seats.ended(seats.granted(seat));
    await seat.release();
    return tookMs;
  }

  async #ask(): Promise<Seat | null> {
    const { client, random, applications, number, hears } = this.#options;
    const { passing = PASSING } = this.#options;
    const { waitMs = () => (random.chance(0.7) ? random.below(WAIT_MS_MAX) : 0) } = this.#options;
    const { signal } = this.#stop;
    const wish = {
      application: random.pick(applications),
      count: random.chance(0.2) ? 2 : 1,
      waitMs: waitMs(),
    };
    try {
      const seat = await client.request({ ...wish, signal });
      hears.answer('granted');
      return seat;
    } catch (error) {
      if (signal.aborted) return null;
      const code = error instanceof LmError ? error.code : String(error);
      hears.answer(code);
      if (!passing.has(code)) hears.problem(`holder ${number} was told: ${String(error)}`);
      return null;
    }
  }

  async #hold(seat: Seat): Promise<void> {
    const { seats, random, number, hears } = this.#options;
    const grantedBy = seat.server;
    const belief = seats.granted(seat);
    const lost = new AbortController();
    seat.once('lost', (reason) => {
      seats.ended(belief);
      const at = Date.now();
      const heldMs = Math.round(performance.now() - before);
      const { application, server } = seat;
      const { message, details } = reason;
      const where = { holder: number, at, application, grantedBy, server, heldMs };
      hears.lost({ ...where, reason: message, details });
      lost.abort();
    });
    const before = performance.now();
    await this.#pause(random.below(random.chance(0.6) ? SHORT_MS_MAX : HOLD_MS_MAX), lost.signal);
    seats.ended(belief);
    if (random.chance(DIES)) seat.detach();
    else await seat.release();
  }

  /** Until its time is over, or this is stopped, or `cause` comes. */
  #pause(ms: number, cause?: AbortSignal): Promise<void> {
    const { signal: stop } = this.#stop;
    const signals = cause === undefined ? [stop] : [stop, cause];
    const signal = AbortSignal.any(signals);
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}
