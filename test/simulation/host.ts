/**
 * A machine: its clocks, which drift and jump, and its processor, which may be busy or asleep. What
 * happens on it goes through `later` and `after`, and waits while it can't run.
 */
import type { Time } from '../../src/engine/time.ts';
import type { Agenda } from './agenda.ts';

export const WALL_START = Date.UTC(2026, 0, 15);

export type Cancel = () => void;

export class Host {
  readonly #agenda: Agenda;
  /** Seconds of its clocks per true second. */
  readonly rate: number;
  #bootedAt: number;
  #bootOffset: number;
  #wallOffset = 0;
  /** True time until which it does nothing. */
  #idleUntil = 0;
  /** Time that what runs now has taken so far, in true milliseconds. */
  #taken = 0;

  constructor(agenda: Agenda, rate: number, boot: number) {
    this.#agenda = agenda;
    this.rate = rate;
    this.#bootedAt = agenda.now;
    this.#bootOffset = boot;
  }

  /** Boot-time clock: goes on while the machine sleeps. */
  get boot(): number {
    return this.#bootOffset + (this.trueNow - this.#bootedAt) * this.rate;
  }

  get time(): Time {
    const wall = Math.floor(WALL_START + this.trueNow * this.rate + this.#wallOffset);
    return { boot: this.boot, wall };
  }

  get trueNow(): number {
    return this.#agenda.now + this.#taken;
  }

  /** Runs that much later, in true milliseconds: what comes from outside. */
  later(trueMs: number, run: () => void): Cancel {
    const entry = this.#agenda.at(this.trueNow + trueMs, () => this.#run(run));
    return () => {
      entry.run = null;
    };
  }

  /** Runs that much later by its own clock. */
  after(ms: number, run: () => void): Cancel {
    let cancelled = false;
    const entry = this.#agenda.at(this.trueNow + Math.max(0, ms) / this.rate, () => {
      this.#run(() => cancelled || run());
    });
    return () => {
      cancelled = true;
      entry.run = null;
    };
  }

  /** What runs now takes this long, and sees the time pass. */
  take(trueMs: number): void {
    this.#taken += trueMs;
  }

  /** Asleep, or stopped: nothing runs; the boot-time clock counts it. */
  sleep(trueMs: number): void {
    this.#idleUntil = Math.max(this.#idleUntil, this.#agenda.now + trueMs);
  }

  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Started anew: the boot-time clock begins at the beginning. */
  reboot(): void {
    this.#bootedAt = this.#agenda.now;
    this.#bootOffset = 1_000;
  }

  #run(run: () => void): void {
    if (this.#agenda.now < this.#idleUntil) {
      this.#agenda.at(this.#idleUntil, () => this.#run(run));
      return;
    }
    run();
    this.#idleUntil = Math.max(this.#idleUntil, this.trueNow);
    this.#taken = 0;
  }
}
