/**
 * A seat as an honest client of a pool has it, under one key: asked for at one server after the
 * other, kept alive, taken along from a server that is fenced, given back. The client believes in it
 * for its lifetime by its own clock, from when it sent what was answered.
 */
import { MessageType, type Request } from '../../../src/engine/messages.ts';
import { idTextOfKey } from '../../../src/engine/seat-key.ts';
import type { ServerMessage } from '../../../src/net/protocol.ts';
import type { Cancel } from '../host.ts';
import type { PoolClient, SentMessage } from './client.ts';
import { ticketLicense } from './ticket-license.ts';

export interface PoolWish {
  readonly application: string;
  readonly version: string | null;
  readonly count: number;
  readonly patienceMs: number;
  /** Held so long without heartbeats; 0 for a seat that is kept alive by them. */
  readonly holdMs: number;
  /** How long it is used, and after how long it is left to itself instead of given back. */
  readonly useMs: number;
  readonly silentAfterMs: number | null;
}

type Timer = 'reply' | 'next' | 'use' | 'expiry';

const RELEASES_MAX = 4;
const USE_MS_CALM = 5_000;
/** Shortly before a hold is over. */
const LAST_MS = 1_500;
/** Denials after which another server may say otherwise, or the same one soon. */
const ELSEWHERE = new Set(['no-majority', 'busy', 'all-in-use']);
const SOON = new Set(['no-majority', 'busy']);

export class PoolSeat {
  readonly key: Uint8Array;
  readonly id: string;
  readonly wish: PoolWish;
  /** In the line: the newest place that it was given. */
  #place: Uint8Array | null = null;
  readonly #client: PoolClient;
  readonly #patienceUntil: number;
  phase: 'asking' | 'held' | 'over' = 'asking';
  /** The client does not want it any more: said, or about to be said. */
  givenUp = false;
  /** By the client's boot-time clock. */
  expiresAt = 0;
  lifetimeMs = 0;
  /** It takes over what was held, and relies on nothing that was said to older messages. */
  takenAt = Number.NEGATIVE_INFINITY;
  ticket: Uint8Array = new Uint8Array(0);
  license: string | null = null;
  /** When the newest message was sent that was answered well. */
  #answeredSentAt = Number.NEGATIVE_INFINITY;
  #attempts = 0;
  /** From then on nothing is said for it, by the client's clock. */
  #silentFrom = Number.POSITIVE_INFINITY;
  readonly #timers = new Map<Timer, Cancel>();
  /** Until when a claim may be made: after that the seats may be somebody else's. */
  #claimsUntil = 0;
  #way: 'beats' | 'holds' | 'takes';

  constructor(client: PoolClient, key: Uint8Array, wish: PoolWish) {
    this.#client = client;
    this.key = key;
    this.id = idTextOfKey(key);
    this.wish = wish;
    this.#patienceUntil = client.clock + wish.patienceMs;
    this.#way = wish.holdMs > 0 ? 'holds' : 'beats';
    // Once the client counts it among its own.
    this.#later('next', 0, () => this.#ask());
  }

  onReply(message: ServerMessage, sent: SentMessage): void {
    if (this.phase === 'over' || this.#isLate(message, sent)) return;
    if (sent.sentAt < this.takenAt) return;
    this.#cancel('reply');
    switch (message[0]) {
      case MessageType.grant:
      case MessageType.alive:
        if (sent.takes) this.#way = 'beats';
        this.#renewed(sent, { ticket: message[2], lifetimeMs: message[3] });
        return;
      case MessageType.waiting:
        this.#place = message[5] ?? null;
        if (this.phase === 'asking') this.#pollLater(message[4]);
        return;
      case MessageType.denied:
        if (this.phase === 'asking') this.#denied(message[2]);
        return;
      case MessageType.gone:
        if (sent.sentAt > this.#answeredSentAt) this.#gone(message[2]);
        return;
      case MessageType.fenced:
        if (sent.sentAt <= this.#answeredSentAt) return;
        if (this.#client.clock < this.#claimsUntil) this.#claim(message[2]);
        else this.#end();
        return;
    }
  }

  /** A grant that is over before it begins: the client asked elsewhere meanwhile. */
  #isLate(message: ServerMessage, { sentAt }: SentMessage): boolean {
    return message[0] === MessageType.grant && sentAt + message[3] <= this.#client.clock;
  }

  /** The connection is gone: what was asked is asked again, elsewhere. */
  onReset(): void {
    if (this.phase === 'over') return;
    this.#cancel('reply');
    this.#later('next', this.#client.random.between(5, 300), () => this.#again());
  }

  /** The client talks to another server now. */
  onConnected(): void {
    if (this.phase === 'over') return;
    this.#later('next', this.#client.random.between(0, 5), () => this.#again());
  }

  /** Gives it back: nothing that comes from now on makes it a seat again. */
  release(): void {
    this.givenUp = true;
    this.#end();
    this.#client.giveBack(this, RELEASES_MAX);
  }

  hurry(ms: number): void {
    if (this.phase === 'held') this.#later('use', ms, () => this.release());
  }

  /** The client is no more. */
  vanish(): void {
    this.#end();
  }

  #ask(): void {
    const { application, version, count, holdMs } = this.wish;
    const patienceMs = Math.max(0, Math.ceil(this.#patienceUntil - this.#client.clock));
    const asked = [null, application, version, count, patienceMs, holdMs, this.#place] as const;
    const { request } = MessageType;
    this.#client.send(this, (sequence): Request => [request, sequence, this.key, ...asked]);
    this.#awaitReply();
  }

  #beat(fence: number | null): void {
    if (this.phase !== 'held' || this.#client.clock >= this.#silentFrom) return;
    const { heartbeat } = MessageType;
    const { key, ticket } = this;
    const takes = this.#way === 'takes';
    this.#client.send(this, (sequence) => [heartbeat, sequence, key, ticket, fence, takes]);
    this.#awaitReply();
  }

  /** Some don't wait for the answer: they claim it at the next server, too, or give it back there. */
  #claim(fence: number): void {
    this.#beat(fence);
    const { random, options } = this.#client;
    const { hasty, hasteMs, mute } = options;
    if (mute > 0 && random.chance(mute)) this.#silentFrom = this.#client.clock;
    if (hasty === 0 || !random.chance(hasty)) return;
    this.#later('reply', random.between(2, hasteMs), () => {
      this.#client.next();
      if (random.chance(0.5)) this.release();
    });
  }

  #awaitReply(): void {
    this.#later('reply', this.#client.options.replyMs, () => this.#unanswered());
  }

  #again(): void {
    if (this.phase === 'asking') this.#ask();
    else if (this.#way !== 'holds') this.#beat(null);
  }

  /** What its holder does next with what is held. */
  #handleLater(): void {
    const { random } = this.#client;
    const leftMs = this.expiresAt - this.#client.clock;
    // Often at the last moment.
    const atMs = leftMs - random.between(0, random.pick([LAST_MS, this.wish.holdMs]));
    const what = random.next();
    this.#later('next', atMs, () => {
      if (what < 0.3) this.#beat(null);
      else if (what < 0.7) this.#take();
      else if (what < 0.85) this.release();
    });
  }

  /** From the moment that it asks for it, only what is answered to that counts. */
  #take(): void {
    this.#way = 'takes';
    this.takenAt = this.#client.clock;
    this.expiresAt = 0;
    this.#cancel('expiry');
    this.#beat(null);
  }

  #unanswered(): void {
    this.#attempts++;
    const takesInVain = this.#way === 'takes' && this.#isHopeless;
    if ((this.phase === 'asking' && this.#isHopeless) || takesInVain) this.release();
    if (this.#way === 'holds' && this.phase === 'held') this.#handleLater();
    this.#client.next();
  }

  /** It asked around more than once. */
  get #isHopeless(): boolean {
    return this.#attempts > 2 * this.#client.paths.length + 2;
  }

  #renewed(
    { sentAt }: SentMessage,
    { ticket, lifetimeMs }: { readonly ticket: Uint8Array; readonly lifetimeMs: number },
  ): void {
    this.#attempts = 0;
    this.#answeredSentAt = Math.max(this.#answeredSentAt, sentAt);
    this.ticket = ticket;
    this.license = ticketLicense(ticket);
    this.#prolong(sentAt, lifetimeMs);
    if (this.phase === 'over') return;
    if (this.phase === 'asking') this.#begin();
    if (this.#way === 'holds') {
      this.#handleLater();
      return;
    }
    const { random, options } = this.#client;
    const at = sentAt + (lifetimeMs / 3) * random.between(options.beats, 1);
    this.#later('next', at - this.#client.clock, () => this.#beat(null));
    const { restless } = options;
    if (restless > 0 && random.chance(restless) && !this.#client.calm) this.#client.next();
  }

  #denied(code: string): void {
    this.#attempts++;
    const { random } = this.#client;
    if (!ELSEWHERE.has(code) || this.#isHopeless) {
      if (random.chance(0.5)) this.release();
      else this.#end();
    } else if (SOON.has(code) && random.chance(0.5)) {
      this.#later('next', random.between(200, 1_000), () => this.#ask());
    } else {
      this.#client.next();
    }
  }

  #gone(code: string): void {
    const { random } = this.#client;
    if (!SOON.has(code)) {
      const runs = this.#client.clock < this.#claimsUntil;
      if (this.#way !== 'holds' && runs) this.#client.lost(this, code);
      this.#end();
    } else if (code === 'no-majority' || random.chance(0.1)) {
      this.#client.next();
    } else {
      this.#later('next', random.between(200, 800), () => this.#beat(null));
    }
  }

  #begin(): void {
    this.phase = 'held';
    this.#client.served();
    const { useMs, silentAfterMs } = this.wish;
    const most = this.#client.calm ? USE_MS_CALM : useMs;
    if (silentAfterMs === null) this.#later('use', Math.min(useMs, most), () => this.release());
    else this.#silentFrom = this.#client.clock + silentAfterMs;
  }

  #pollLater(pollMs: number): void {
    const left = Math.max(0, this.#patienceUntil - this.#client.clock);
    this.#later('next', Math.max(100, Math.min(0.7 * pollMs, left)), () => this.#ask());
  }

  #prolong(sentAt: number, lifetimeMs: number): void {
    this.lifetimeMs = lifetimeMs;
    this.expiresAt = Math.max(this.expiresAt, sentAt + lifetimeMs);
    this.#claimsUntil = this.expiresAt;
    this.#later('expiry', this.expiresAt - this.#client.clock, () => this.#expire());
  }

  #expire(): void {
    const wasKept = this.#way === 'beats' && this.wish.silentAfterMs === null;
    if (wasKept) this.#client.lost(this, 'expired');
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

  #later(timer: Timer, ms: number, run: () => void): void {
    this.#cancel(timer);
    this.#timers.set(timer, this.#client.host.after(ms, run));
  }

  #cancel(timer: Timer): void {
    this.#timers.get(timer)?.();
  }
}
