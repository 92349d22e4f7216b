/**
 * A client of a simulated pool: it knows the list of servers, talks to one of them at a time, and
 * goes to the next when that one refuses, resets or does not answer.
 */
import { type ClientMessage, MessageType } from '../../../src/engine/messages.ts';
import type { ServerMessage } from '../../../src/net/protocol.ts';
import type { Host } from '../host.ts';
import { APPLICATIONS } from '../licenses.ts';
import type { Path } from '../network.ts';
import type { Random } from '../random.ts';
import { CommutedSeat, type CommuteWish } from './commuted-seat.ts';
import type { PoolConnection } from './connection.ts';
import type { PoolOptions } from './options.ts';
import { PoolSeat, type PoolWish } from './seat.ts';

export type ClientSeat = PoolSeat | CommutedSeat;

/** What a client needs of the world around it. */
export interface ClientWorld {
  readonly options: PoolOptions;
  /** Nothing goes wrong any more, and everybody asks patiently. */
  readonly calm: boolean;
  /** Nobody asks for anything new. */
  readonly closing: boolean;
  /** To the server at that place of the list. */
  connect(client: PoolClient, place: number): PoolConnection;
  carry(connection: PoolConnection, message: ClientMessage): void;
  /** The client's end of the connection is gone; the server learns of it, or does not. */
  disconnect(connection: PoolConnection, heard: boolean): void;
  believes(): void;
  /** A seat ended that its holder kept asking for. */
  lost(client: PoolClient, seat: ClientSeat, why: string): void;
}

/** A message that a client sent, and when by its own clock. */
export interface SentMessage {
  readonly seat: ClientSeat;
  readonly sentAt: number;
  readonly type: ClientMessage[0];
  /** It quotes a fence. */
  readonly claims: boolean;
  /** It takes over seats that are held. */
  readonly takes: boolean;
}

const THINK_MS_CALM = 500;
const RELEASE_MS_MAX = 2_000;
/** The longest that seats are held without heartbeats. */
export const HOLD_MS_MAX = 60_000;

export class PoolClient {
  readonly name: string;
  readonly host: Host;
  readonly random: Random;
  /** To each server of the list. */
  readonly paths: readonly Path[];
  readonly seats = new Set<ClientSeat>();
  readonly #world: ClientWorld;
  /** By sequence number, which no two messages of a client share. */
  readonly #sent = new Map<number, SentMessage>();
  #connection: PoolConnection | null = null;
  #place: number;
  #sequence = 0;
  #keys = 0;
  /** How often the process started. */
  #life = 0;
  readonly #slots: number;
  /** Seats that it was granted while all was calm. */
  servedInCalm = 0;

  constructor(
    parts: {
      readonly name: string;
      readonly host: Host;
      readonly paths: readonly Path[];
      readonly random: Random;
    },
    world: ClientWorld,
  ) {
    this.name = parts.name;
    this.host = parts.host;
    this.paths = parts.paths;
    this.random = parts.random;
    this.#world = world;
    this.#place = this.random.chance(0.5) ? 0 : this.random.integer(0, this.paths.length - 1);
    this.#slots = this.random.chance(0.4) ? 2 : 1;
    this.start();
  }

  /** Boot-time clock of its machine. */
  get clock(): number {
    return this.host.boot;
  }

  get options() {
    return this.#world.options.clients;
  }

  get calm(): boolean {
    return this.#world.calm;
  }

  /** Names the process, the same to every server. */
  get instance(): string {
    return `${this.name}:${this.#life}`.padStart(16, '.');
  }

  start(): void {
    this.#life++;
    for (let slot = 0; slot < this.#slots; slot++) this.#think();
  }

  /** The process dies, and starts anew later. Its connection may be closed by that, or not. */
  vanish(downMs: number): void {
    for (const seat of [...this.seats]) seat.vanish();
    this.#life++;
    this.#disconnect(0.5);
    this.host.later(downMs, () => this.start());
  }

  /** Gives back what it has: some of it in words, the rest by silence. */
  finish(): void {
    for (const seat of [...this.seats]) {
      if (this.random.chance(0.7)) seat.release();
      else seat.vanish();
    }
  }

  /** Uses what it has for no longer than that. */
  hurry(ms: number): void {
    for (const seat of [...this.seats]) seat.hurry(this.random.between(0, ms));
  }

  uses(connection: PoolConnection): boolean {
    return this.#connection === connection;
  }

  /** Where in the list the server stands that it talks to. */
  get place(): number {
    return this.#place;
  }

  /** What was sent under a sequence number, for whoever watches. */
  sentUnder(sequence: number): SentMessage | undefined {
    return this.#sent.get(sequence);
  }

  send(seat: ClientSeat, build: (sequence: number) => ClientMessage): void {
    const sequence = ++this.#sequence;
    const message = build(sequence);
    const beats = message[0] === MessageType.heartbeat;
    const claims = beats && typeof message[4] === 'number';
    const takes = beats && message[5] === true;
    this.#sent.set(sequence, { seat, sentAt: this.clock, type: message[0], claims, takes });
    if (this.#connection === null) {
      this.#connection = this.#world.connect(this, this.#place);
      // At once on a new connection: this server may not know of the others.
      for (const other of this.seats) if (other !== seat) other.onConnected();
    }
    this.#world.carry(this.#connection, message);
  }

  receive(message: ServerMessage): void {
    const sent = this.#sent.get(message[1]);
    if (sent === undefined) return;
    // Whoever gives a seat back does not wait for the answer, unless it is a commuter's.
    if (sent.type === MessageType.release && sent.seat instanceof PoolSeat) return;
    sent.seat.onReply(message, sent);
    this.#world.believes();
  }

  /** The server's end says that the connection is gone: on to the next. */
  reset(connection: PoolConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#moveOn();
  }

  /** Gives up this server, and goes on with the next. */
  next(): void {
    this.#disconnect(this.options.hangsUp);
    this.#moveOn();
  }

  served(): void {
    if (this.#world.calm) this.servedInCalm++;
  }

  lost(seat: PoolSeat, why: string): void {
    this.#world.lost(this, seat, why);
  }

  /** Says so a few times, since nobody waits for the answer. */
  giveBack(seat: PoolSeat, times: number): void {
    this.send(seat, (sequence) => [MessageType.release, sequence, seat.key, seat.ticket]);
    const life = this.#life;
    if (times <= 1 || this.random.chance(0.6)) return;
    this.host.after(RELEASE_MS_MAX, () => {
      if (life === this.#life) this.giveBack(seat, times - 1);
    });
  }

  done(seat: ClientSeat): void {
    this.seats.delete(seat);
    this.#think();
  }

  #moveOn(): void {
    this.#place = (this.#place + 1) % this.paths.length;
    for (const seat of [...this.seats]) seat.onReset();
  }

  #disconnect(heard: number): void {
    if (this.#connection !== null) {
      this.#world.disconnect(this.#connection, this.random.chance(heard));
    }
    this.#connection = null;
  }

  #think(): void {
    const life = this.#life;
    const thinkMs = this.#world.calm ? THINK_MS_CALM : this.options.thinkMs;
    this.host.after(this.random.exponential(thinkMs), () => {
      if (life === this.#life && !this.#world.closing) this.#wantSeat();
    });
  }

  #wantSeat(): void {
    const key = new Uint8Array(16);
    const view = new DataView(key.buffer);
    view.setUint32(0, Number(this.name.slice(1)));
    view.setUint32(4, ++this.#keys);
    const wish = this.#wish();
    const commute = this.#commute(wish);
    const seat =
      commute === null ? new PoolSeat(this, key, wish) : new CommutedSeat(this, key, commute);
    this.seats.add(seat);
  }

  /** Now and then a seat leaves the network. */
  #commute(wish: PoolWish): CommuteWish | null {
    const { random } = this;
    const { calm, options } = this.#world;
    const { commuters } = options.clients;
    if (calm || commuters === 0 || !random.chance(commuters)) return null;
    const { application, version, count } = wish;
    const days = random.integer(1, 3);
    const useMs = random.exponential(options.clients.useMs);
    return { application, version, count, days, useMs, returns: random.chance(0.7) };
  }

  #wish(): PoolWish {
    const { random } = this;
    const { calm, options } = this.#world;
    const { patient, patienceMs, useMs, silent, holds } = options.clients;
    const { applications, seatsMax } = options.licenses;
    const application = random.pick(APPLICATIONS.slice(0, applications));
    const count = random.chance(0.7) ? 1 : random.integer(1, seatsMax);
    if (calm) {
      const calmly = { patienceMs: 60_000, useMs: random.exponential(1_000), silentAfterMs: null };
      return { application, version: null, count, holdMs: 0, ...calmly };
    }
    const most = random.pick([HOLD_MS_MAX, 15_000]);
    const holdMs = random.chance(holds) ? random.integer(5_000, most) : 0;
    const isSilent = holdMs === 0 && random.chance(silent);
    return {
      application,
      version: random.chance(0.8) ? null : '1.0',
      count,
      patienceMs: random.chance(patient) ? Math.ceil(random.exponential(patienceMs)) : 0,
      holdMs,
      useMs: random.exponential(useMs),
      silentAfterMs: isSilent ? random.between(-10_000, 60_000) : null,
    };
  }
}
