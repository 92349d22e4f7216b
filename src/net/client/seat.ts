/**
 * A seat as the application has it: what it is, whether it is still valid, and what becomes of it.
 */
import { EventEmitter } from 'node:events';
import type { LmError } from '../../engine/errors.ts';
import { keyId } from '../../engine/seat-key.ts';
import type { Keeper } from './keeper.ts';
import { RELEASE_MS_MAX } from './limits.ts';
import { machineName } from './machine.ts';
import { seatText } from './seat-text.ts';

/** What a seat tells. A listener is called with the reason where there is one. */
export interface SeatEvents {
  /** The seat is no longer this client's: no server renewed it in time, or it was taken away. */
  lost: [reason: LmError];
  /** A seat was had again; its id and key are new. */
  regained: [];
  /** Lost, asked for again, and refused for a reason that waiting alone does not cure. */
  denied: [reason: LmError];
}

export interface SeatOptions {
  readonly keeper: Keeper;
  readonly instance: Uint8Array;
  readonly clock: () => number;
  /** Whether the chain from the vendor's key to this server was checked. */
  readonly verified: boolean;
  /** Keeps the process from ending while this is waited for. */
  readonly keepingAlive: <T>(work: () => Promise<T>) => Promise<T>;
}

export class Seat extends EventEmitter<SeatEvents> {
  readonly verified: boolean;
  readonly #keeper: Keeper;
  readonly #instance: Uint8Array;
  readonly #clock: () => number;
  readonly #keepingAlive: SeatOptions['keepingAlive'];

  constructor({ keeper, instance, clock, verified, keepingAlive }: SeatOptions) {
    super();
    this.#keeper = keeper;
    this.#instance = instance;
    this.#clock = clock;
    this.verified = verified;
    this.#keepingAlive = keepingAlive;
  }

  /** The public id, as `lm status` shows it. */
  get id(): string {
    return Buffer.from(keyId(this.#keeper.granted.key)).toString('base64url');
  }

  get application(): string {
    return this.#keeper.granted.application;
  }

  /** The version of the license that serves: the one asked for, or a higher one. */
  get version(): string {
    return this.#keeper.granted.version;
  }

  get vendor(): string {
    return this.#keeper.granted.vendor;
  }

  get count(): number {
    return this.#keeper.granted.count;
  }

  get pool(): string {
    return this.#keeper.granted.pool;
  }

  /** The server that issued it, or took it over. */
  get server(): string {
    return this.#keeper.granted.server;
  }

  get lifetimeMs(): number {
    return this.#keeper.granted.lifetimeMs;
  }

  /** Whether the application may run on this seat now. Asked of the clock, at any moment. */
  get valid(): boolean {
    return this.#keeper.valid;
  }

  /** When the seat ends unless it is renewed; for people, since wall clocks may be set. */
  get expiresAt(): Date {
    return new Date(Date.now() + this.#keeper.expiresAt - this.#clock());
  }

  /** Opaque and secret: `lm release` and `lm renew` in another process take it. */
  get key(): string {
    const machine = machineName();
    const runs = machine === null ? undefined : { machine, until: this.#keeper.expiresAt };
    return seatText({ ...this.#keeper.granted, instance: this.#instance, runs });
  }

  /**
   * Gives the seat back. False where it had ended already, or where no server could be told within
   * two seconds: it then goes on being tried while the process lives, and ends by its lifetime.
   */
  async release(): Promise<boolean> {
    const returned = await this.#keepingAlive(() => this.#keeper.release(RELEASE_MS_MAX));
    return returned?.released ?? false;
  }

  /** Leaves the seat to itself: no more heartbeats, no release. It ends by its lifetime. */
  detach(): void {
    this.#keeper.stop();
  }

  /** `await using` releases it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
