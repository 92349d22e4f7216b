/**
 * A seat as an honest client has it, under one key: asked for, waited for, kept alive, given back.
 * The client believes in it for its lifetime by its own clock, from when it sent what was answered.
 */
import { MessageType, type Request } from '../../src/engine/messages.ts';
import { idTextOfKey } from '../../src/engine/seat-key.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';
import type { SimulatedClient } from './client.ts';
import type { Cancel } from './host.ts';

export interface Wish {
  readonly application: string;
  readonly version: string | null;
  readonly count: number;
  readonly patienceMs: number;
  readonly holdMs: number;
  /** How long it is used, and after how long it is left to itself instead of given back. */
  readonly useMs: number;
  readonly silentAfterMs: number | null;
}

const REPLY_MS_MAX = 5_000;
const ATTEMPTS_MAX = 4;

export class Seat {
  readonly key: Uint8Array;
  readonly id: string;
  readonly wish: Wish;
  readonly #client: SimulatedClient;
  readonly #patienceUntil: number;
  phase: 'asking' | 'held' | 'over' = 'asking';
  /** The client does not want it any more: said, or about to be said. */
  givenUp = false;
  /** By the client's boot-time clock. */
  expiresAt = 0;
  lifetimeMs = 0;
  #attempts = 0;
  /** From then on nothing is said for it, by the client's clock. */
  #silentFrom = Number.POSITIVE_INFINITY;
  readonly #timers = new Map<'reply' | 'next' | 'use' | 'expiry', Cancel>();

  constructor(client: SimulatedClient, key: Uint8Array, wish: Wish) {
    this.#client = client;
    this.key = key;
    this.id = idTextOfKey(key);
    this.wish = wish;
    this.#patienceUntil = client.clock + wish.patienceMs;
    this.#ask();
  }

  /** The application runs on it. */
  get believed(): boolean {
    return this.#client.clock < this.expiresAt;
  }

  onReply(message: ServerMessage, sentAt: number): void {
    if (this.phase === 'over') return;
    this.#cancel('reply');
    this.#attempts = 0;
    switch (message[0]) {
      case MessageType.grant:
        this.#prolong(sentAt, message[3]);
        if (this.phase === 'asking') this.#begin(sentAt);
        return;
      case MessageType.alive:
        this.#prolong(sentAt, message[3]);
        this.#beatLater(sentAt);
        return;
      case MessageType.waiting:
        if (this.phase === 'asking') this.#pollLater(message[4]);
        return;
      case MessageType.denied:
      case MessageType.gone:
        this.#end();
        return;
    }
  }

  /** The connection is gone: what was asked is asked again. */
  onReset(): void {
    if (this.phase === 'over') return;
    this.#cancel('reply');
    this.#later('next', this.#client.random.between(20, 2_000), () => this.#again());
  }

  /** Gives it back: nothing that comes from now on makes it a seat again. */
  release(): void {
    this.givenUp = true;
    this.#end();
    this.#client.giveBack(this, ATTEMPTS_MAX);
  }

  /** The client is no more. */
  vanish(): void {
    this.#end();
  }

  #ask(): void {
    const { application, version, count, holdMs } = this.wish;
    const patienceMs = Math.max(0, Math.ceil(this.#patienceUntil - this.#client.clock));
    const { request } = MessageType;
    const asked = [null, application, version, count, patienceMs, holdMs] as const;
    this.#client.send(this, (sequence): Request => [request, sequence, this.key, ...asked]);
    this.#later('reply', REPLY_MS_MAX, () => this.#unanswered());
  }

  #beat(): void {
    if (this.#client.clock >= this.#silentFrom) return;
    const { heartbeat } = MessageType;
    this.#client.send(this, (sequence) => [heartbeat, sequence, this.key, NO_TICKET]);
    this.#later('reply', REPLY_MS_MAX, () => this.#unanswered());
  }

  #again(): void {
    if (this.phase === 'asking') this.#ask();
    else if (this.wish.holdMs === 0) this.#beat();
  }

  #unanswered(): void {
    this.#client.reconnect();
    this.#attempts++;
    if (this.phase === 'asking' && this.#attempts >= ATTEMPTS_MAX) this.release();
    else this.#later('next', this.#client.random.between(20, 2_000), () => this.#again());
  }

  #begin(sentAt: number): void {
    this.phase = 'held';
    this.#cancel('next');
    this.#client.served(this);
    const { useMs, silentAfterMs } = this.wish;
    if (silentAfterMs === null) this.#later('use', useMs, () => this.release());
    else this.#silentFrom = this.#client.clock + silentAfterMs;
    this.#beatLater(sentAt);
  }

  #pollLater(pollMs: number): void {
    const { clock } = this.#client;
    const left = Math.max(0, this.#patienceUntil - clock);
    this.#later('next', Math.max(100, Math.min(0.7 * pollMs, left)), () => this.#ask());
  }

  #beatLater(sentAt: number): void {
    if (this.wish.holdMs > 0) return;
    const at = sentAt + (this.lifetimeMs / 3) * this.#client.random.between(0.9, 1);
    this.#later('next', at - this.#client.clock, () => this.#beat());
  }

  #prolong(sentAt: number, lifetimeMs: number): void {
    this.lifetimeMs = lifetimeMs;
    this.expiresAt = Math.max(this.expiresAt, sentAt + lifetimeMs);
    this.#later('expiry', this.expiresAt - this.#client.clock, () => this.#expire());
  }

  #expire(): void {
    // Some tell the server, in case it holds the seat still.
    if (this.#client.random.chance(0.5)) this.release();
    else this.#end();
  }

  #end(): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    this.expiresAt = 0;
    for (const cancel of this.#timers.values()) cancel();
    this.#client.done(this);
  }

  #later(timer: 'reply' | 'next' | 'use' | 'expiry', ms: number, run: () => void): void {
    this.#cancel(timer);
    this.#timers.set(timer, this.#client.host.after(ms, run));
  }

  #cancel(timer: 'reply' | 'next' | 'use' | 'expiry'): void {
    this.#timers.get(timer)?.();
  }
}

const NO_TICKET = new Uint8Array(0);
