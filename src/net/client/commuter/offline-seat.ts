/** A commuted seat while it is used: valid until its end, or until it is given back. */
import { EventEmitter } from 'node:events';
import { statSync } from 'node:fs';
import { LmError } from '../../../engine/errors.ts';
import type { SeatEvents } from '../seat.ts';
import type { CommuterClock } from './clock.ts';
import { readCommuterFile } from './file.ts';
import { notValid, over } from './refusals.ts';
import type { Run } from './runs.ts';
import type { CommuterToken } from './token.ts';

export interface OfflineSeatOptions {
  readonly path: string;
  readonly token: CommuterToken;
  readonly clock: CommuterClock;
  readonly run: Run;
  readonly verified: boolean;
}

/** How often it is looked at, and how often the time is kept. */
const LOOK_MS = 500;
const KEEP_MS = 60_000;

export class OfflineSeat extends EventEmitter<SeatEvents> {
  readonly verified: boolean;
  readonly #path: string;
  readonly #token: CommuterToken;
  readonly #clock: CommuterClock;
  readonly #run: Run;
  readonly #timer: ReturnType<typeof setInterval>;
  #seen: string;
  #keptAt: number;
  #lost: LmError | null = null;

  constructor({ path, token, clock, run, verified }: OfflineSeatOptions) {
    super();
    this.verified = verified;
    this.#path = path;
    this.#token = token;
    this.#clock = clock;
    this.#run = run;
    this.#seen = stateOf(path);
    this.#keptAt = clock.read();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  get id(): string {
    return this.#token.id;
  }

  get application(): string {
    return this.#token.application;
  }

  get version(): string {
    return this.#token.version;
  }

  get vendor(): string {
    return this.#token.vendor;
  }

  get count(): number {
    return this.#token.count;
  }

  get pool(): string {
    return this.#token.pool;
  }

  /** The server that signed it. */
  get server(): string {
    return this.#token.server;
  }

  get expiresAt(): Date {
    return new Date(this.#token.end);
  }

  /** How much longer it may be used. */
  get lifetimeMs(): number {
    return Math.max(0, this.#token.end - this.#keptAt);
  }

  /** Whether the application may run on it now. Asked of the clock and the file, at any moment. */
  get valid(): boolean {
    this.#look();
    return this.#lost === null;
  }

  /** What was started on it is ended with it, also where this process is killed. */
  started(pid: number | undefined, graceMs: number): void {
    if (pid !== undefined) this.#run.started(pid, graceMs);
  }

  /** Nothing happens by itself any more; whoever gives the seat back still waits for `release`. */
  detach(): void {
    clearInterval(this.#timer);
  }

  /** Ends this use of it. Nothing is given back by that: false. */
  async release(): Promise<boolean> {
    this.detach();
    this.#run.end();
    return false;
  }

  /** `await using` releases it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #look(): void {
    if (this.#lost !== null) return;
    try {
      const now = this.#clock.read();
      if (now >= this.#token.end) throw over(this.#token);
      this.#lookAtFile();
      if (now < this.#keptAt + KEEP_MS) return;
      this.#clock.keep();
      this.#keptAt = now;
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      this.#lost = error;
      this.emit('lost', error);
    }
  }

  #lookAtFile(): void {
    const state = stateOf(this.#path);
    if (state === this.#seen) return;
    const file = readCommuterFile(this.#path);
    if (file?.phase !== 'valid') throw notValid(this.#path, file);
    this.#seen = state;
  }
}

/** Another one each time that the file is replaced. */
function stateOf(path: string): string {
  const { ino, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { ino: 0, mtimeMs: 0 };
  return `${ino} ${mtimeMs}`;
}
