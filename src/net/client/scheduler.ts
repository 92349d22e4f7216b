/**
 * What is to be done when, on the boot-time clock. One timer serves a whole client: it wakes at
 * least every tick, since timers stand still while the machine sleeps and lifetimes do not.
 */
import type { BootClock } from './boot-clock.ts';
import { TICK_MS } from './limits.ts';

export type Cancel = () => void;

interface Task {
  readonly due: number;
  readonly run: () => void;
}

export class Scheduler {
  readonly clock: BootClock;
  readonly #tickMs: number;
  readonly #tasks = new Set<Task>();
  #timer: NodeJS.Timeout | null = null;
  #wakesAt = Number.POSITIVE_INFINITY;
  #keepsAlive = false;

  constructor(clock: BootClock, tickMs = TICK_MS) {
    this.clock = clock;
    this.#tickMs = tickMs;
  }

  /** How many tasks are waiting. */
  get size(): number {
    return this.#tasks.size;
  }

  at(due: number, run: () => void): Cancel {
    const task = { due, run };
    this.#tasks.add(task);
    if (due < this.#wakesAt) this.#arm();
    return () => {
      this.#tasks.delete(task);
      if (this.#tasks.size === 0) this.#disarm();
    };
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.at(this.clock() + delayMs, run);
  }

  /** Resolves after `delayMs`, or rejects with the signal's reason. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.after(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** What the promise comes to, or `late()` where it has come to nothing after `waitMs`. */
  within<T>(promise: Promise<T>, waitMs: number, late: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.after(waitMs, () => {
        try {
          resolve(late());
        } catch (error) {
          reject(error);
        }
      });
      promise.then(resolve, reject).finally(cancel);
    });
  }

  /** Whether waiting tasks keep the process from ending by itself. */
  keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    if (keepsAlive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  #arm(): void {
    this.#disarm();
    if (this.#tasks.size === 0) return;
    const now = this.clock();
    let next = now + this.#tickMs;
    for (const { due } of this.#tasks) if (due < next) next = due;
    this.#wakesAt = next;
    this.#timer = setTimeout(() => this.#wake(), Math.max(0, next - now));
    if (!this.#keepsAlive) this.#timer.unref();
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakesAt = Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    this.#disarm();
    const now = this.clock();
    const due = [...this.#tasks].filter((task) => task.due <= now);
    for (const task of due) {
      // A task that ran before this one may have cancelled it.
      if (this.#tasks.delete(task)) task.run();
    }
    if (this.#timer === null) this.#arm();
  }
}
