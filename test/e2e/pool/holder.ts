/** A client of the chaos: asks for seats, holds them for a while by the library, asks again. */
import type { LicenseClient, Seat } from '../../../src/net/client/index.ts';
import { LmError } from '../../../src/net/client/index.ts';
import type { Random } from '../random.ts';
import type { SeatRecord } from './seat-record.ts';

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
const AGAIN_MS = 50;
const HOLD_MS_MAX = 45_000;
/** A program that dies says nothing: its seat comes back by its lifetime. */
const DIES = 0.03;

export interface Loss {
  readonly holder: number;
  /** Boot-time clock of the test. */
  readonly at: number;
  readonly application: string;
  readonly grantedBy: string;
  readonly server: string;
  readonly heldMs: number;
  readonly reason: LmError;
}

export interface HolderOptions {
  readonly number: number;
  readonly client: LicenseClient;
  readonly applications: readonly string[];
  readonly record: SeatRecord;
  readonly random: Random;
  /** How long a request may wait. Default: not at all, or up to WAIT_MS_MAX. */
  readonly waitMs?: () => number;
  /** The codes of denials that are no defect. Default: PASSING. */
  readonly passing?: ReadonlySet<string>;
}

export class Holder {
  readonly #options: HolderOptions;
  readonly #stop = new AbortController();
  /** How often each answer came. */
  readonly answers = new Map<string, number>();
  readonly losses: Loss[] = [];
  readonly problems: string[] = [];

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

  /**
   * A seat, had and given back at once: how long it took, in milliseconds. It goes from server to
   * server until one has a seat, since a line that is joined is that of one server.
   */
  async served(boundMs: number): Promise<number> {
    const { client, record, applications, random } = this.#options;
    const application = random.pick(applications);
    const began = performance.now();
    for (;;) {
      try {
        const seat = await client.request({ application });
        const tookMs = performance.now() - began;
        record.ended(record.granted(seat));
        await seat.release();
        return tookMs;
      } catch (error) {
        const isLate = performance.now() - began > boundMs;
        if (isLate || !(error instanceof LmError) || error.code !== 'all-in-use') throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  async #ask(): Promise<Seat | null> {
    const { client, random, applications, number, passing = PASSING } = this.#options;
    const { waitMs = () => (random.chance(0.7) ? random.below(WAIT_MS_MAX) : 0) } = this.#options;
    const { signal } = this.#stop;
    const wish = {
      application: random.pick(applications),
      count: random.chance(0.2) ? 2 : 1,
      waitMs: waitMs(),
    };
    try {
      const seat = await client.request({ ...wish, signal });
      this.#note('granted');
      return seat;
    } catch (error) {
      if (signal.aborted) return null;
      const code = error instanceof LmError ? error.code : String(error);
      this.#note(code);
      if (!passing.has(code)) this.problems.push(`holder ${number} was told: ${String(error)}`);
      return null;
    }
  }

  async #hold(seat: Seat): Promise<void> {
    const { record, random, number } = this.#options;
    const grantedBy = seat.server;
    const belief = record.granted(seat);
    const lost = new AbortController();
    seat.once('lost', (reason) => {
      record.ended(belief);
      const at = performance.now();
      const heldMs = at - before;
      const { application, server } = seat;
      this.losses.push({ holder: number, at, application, grantedBy, server, heldMs, reason });
      lost.abort();
    });
    const before = performance.now();
    await this.#pause(random.below(HOLD_MS_MAX), lost.signal);
    record.ended(belief);
    if (random.chance(DIES)) seat.detach();
    else await seat.release();
  }

  #note(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
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
