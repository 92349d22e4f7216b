/**
 * A commuted seat as an honest laptop has it (DESIGN section 10): checked out under a key that it
 * keeps, used without the network until its end by its own wall clock, and given back early, late,
 * twice, at any server, or never.
 */

import { COMMUTER_DAY_MS } from '../../../src/engine/limits.ts';
import { MessageType, type Request } from '../../../src/engine/messages.ts';
import { idTextOfKey } from '../../../src/engine/seat-key.ts';
import type { ServerMessage } from '../../../src/net/protocol.ts';
import type { Cancel } from '../host.ts';
import type { PoolClient, SentMessage } from './client.ts';

export interface CommuteWish {
  readonly application: string;
  readonly version: string | null;
  readonly count: number;
  readonly days: number;
  readonly useMs: number;
  /** Else it is never heard of again. */
  readonly returns: boolean;
}

const MACHINE = 'm'.repeat(43);
const NO_TICKET = new Uint8Array(0);
/** Denials after which another server may say otherwise, or the same one soon. */
const ELSEWHERE = new Set(['no-majority', 'busy', 'all-in-use']);
/** So often it asks one server in vain. */
const VAIN_MAX = 5;
/** Where it is likely that nobody will ever know of it. */
const LOST_VAIN_MAX = 60;
/** A denial counts once what was asked before has been entered, or never will be. */
const SETTLED_MS = 20_000;
/** Where days are days, nobody could wait until the seat of a lost laptop comes back. */
export const DAYS_ARE_SHORT = COMMUTER_DAY_MS < 3_600_000;

export class CommutedSeat {
  readonly key: Uint8Array;
  readonly id: string;
  readonly wish: CommuteWish;
  readonly ticket = NO_TICKET;
  /** No claim is made for it. */
  readonly license = null;
  readonly #client: PoolClient;
  phase: 'asking' | 'held' | 'returning' | 'over' = 'asking';
  givenUp = false;
  /** By the client's boot-time clock. */
  expiresAt = 0;
  /** What its file says: wall time, and an index of the ledger at which it was there. */
  #end = 0;
  #index = 0;
  /** When a request was sent last whose answer was lost, by the client's clock. */
  #unheardAt = Number.NEGATIVE_INFINITY;
  #twice: boolean;
  /** How often it was given back in vain. */
  #vain = 0;
  readonly #timers = new Map<string, Cancel>();

  constructor(client: PoolClient, key: Uint8Array, wish: CommuteWish) {
    this.#client = client;
    this.key = key;
    this.id = idTextOfKey(key);
    this.wish = wish;
    this.#twice = client.random.chance(0.3);
    this.#later('next', 0, () => this.#say());
  }

  /** A server signed its file. */
  signedUntil(end: number, index: number): void {
    this.#end = end;
    this.#index = Math.max(index, this.#index);
  }

  onReply(message: ServerMessage, _sent: SentMessage): void {
    this.#cancel('reply');
    if (message[0] === MessageType.grant && this.phase === 'asking') this.#begin();
    else if (message[0] === MessageType.denied && this.phase === 'asking') this.#denied(message[2]);
    else if (this.phase !== 'returning') return;
    else if (message[0] === MessageType.released) this.#returned();
    else this.#later('next', this.#client.random.between(200, 1_000), () => this.#sayAgain());
  }

  /** A server that joins, or has left, may know nothing of it for as long as one asks there. */
  #sayAgain(): void {
    this.#vain += 1;
    // Of a record that was lost with a majority the pool knows nothing, and may not for long.
    if (this.#client.calm && this.#vain > LOST_VAIN_MAX) this.#forget();
    else if (this.#vain % VAIN_MAX === 0) this.#client.next();
    else this.#say();
  }

  onReset(): void {
    this.#cancel('reply');
    this.#unheard();
    this.#later('next', this.#client.random.between(5, 300), () => this.#say());
  }

  onConnected(): void {}

  release(): void {
    if (this.phase === 'held') this.#comeBack();
  }

  hurry(ms: number): void {
    if (this.phase === 'held') this.#later('use', ms, () => this.release());
  }

  /** The process dies: its file is still there. */
  vanish(): void {
    if (this.phase !== 'held') this.onReset();
  }

  get #isLost(): boolean {
    return DAYS_ARE_SHORT && !this.wish.returns;
  }

  /** What it wants of the pool, again and again until it is told. */
  #say(): void {
    if (this.phase === 'asking') this.#ask();
    else if (this.phase === 'returning') this.#giveBack();
  }

  #ask(): void {
    const { application, version, count, days } = this.wish;
    const wish = [null, application, version, count, 0, 0] as const;
    const { request } = MessageType;
    this.#client.send(this, (sequence): Request => {
      return [request, sequence, this.key, ...wish, null, [days, MACHINE]];
    });
    this.#awaitReply();
  }

  #giveBack(): void {
    const { release } = MessageType;
    const { key } = this;
    this.#client.send(this, (sequence) => [release, sequence, key, NO_TICKET, this.#index]);
    this.#awaitReply();
  }

  #awaitReply(): void {
    this.#later('reply', this.#client.options.replyMs, () => {
      this.#unheard();
      this.#client.next();
    });
  }

  #unheard(): void {
    if (this.phase === 'asking') this.#unheardAt = this.#client.clock;
  }

  #denied(code: string): void {
    const { random, clock } = this.#client;
    const isSettled = clock > this.#unheardAt + SETTLED_MS;
    if (isSettled && (!ELSEWHERE.has(code) || random.chance(0.3))) {
      // What was asked may be heard twice, and granted the second time.
      this.#later('next', SETTLED_MS, () => this.#forget());
    } else {
      this.#later('next', random.between(500, 3_000), () => {
        if (ELSEWHERE.has(code)) this.#client.next();
        else this.#say();
      });
    }
  }

  /** The file is written, and the laptop leaves. */
  #begin(): void {
    const { wall } = this.#client.host.time;
    this.phase = 'held';
    this.expiresAt = this.#client.clock + this.#end - wall;
    const { useMs } = this.wish;
    if (this.#isLost) this.#forget();
    else this.#later('use', useMs, () => this.#comeBack());
  }

  /** It is disabled before anything is said, and from then on nobody uses it. */
  #comeBack(): void {
    this.phase = 'returning';
    this.givenUp = true;
    this.expiresAt = 0;
    this.#giveBack();
  }

  #returned(): void {
    if (!this.#twice) {
      this.#forget();
      return;
    }
    this.#twice = false;
    this.#later('next', this.#client.random.between(0, 5_000), () => this.#say());
  }

  /** Nothing more is said of it; a laptop that is lost uses it until its end. */
  #forget(): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    for (const cancel of this.#timers.values()) cancel();
    this.#client.done(this);
  }

  #later(timer: string, ms: number, run: () => void): void {
    this.#cancel(timer);
    this.#timers.set(timer, this.#client.host.after(ms, run));
  }

  #cancel(timer: string): void {
    this.#timers.get(timer)?.();
  }
}
