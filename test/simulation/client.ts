/** A client of a simulation: a machine and a process on it that asks for seats, one after another. */
import { type ClientMessage, MessageType } from '../../src/engine/messages.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';
import type { Connection } from './connection.ts';
import type { Host } from './host.ts';
import { APPLICATIONS } from './licenses.ts';
import type { Path } from './network.ts';
import type { ClientOptions, Options } from './options.ts';
import type { Random } from './random.ts';
import { Seat, type Wish } from './seat.ts';

/** What a client needs of the world around it. */
export interface Surroundings {
  readonly options: Options;
  /** Nothing goes wrong any more, and everybody asks patiently. */
  readonly calm: boolean;
  /** Nobody asks for anything new. */
  readonly closing: boolean;
  connect(client: SimulatedClient, instance: number): Connection;
  carry(connection: Connection, message: ClientMessage): void;
  /** The client's end of the connection is gone; the server learns of it, or does not. */
  disconnect(connection: Connection, heard: boolean): void;
  believes(): void;
}

/** A message that a client sent, and when by its own clock. */
interface Sent {
  readonly seat: Seat;
  readonly sentAt: number;
  readonly releases: boolean;
}

const THINK_MS_CALM = 500;
const RELEASE_MS_MAX = 2_000;

export class SimulatedClient {
  readonly name: string;
  readonly host: Host;
  readonly path: Path;
  readonly random: Random;
  readonly #world: Surroundings;
  readonly #options: ClientOptions;
  readonly seats = new Set<Seat>();
  /** By sequence number, which no two messages of a client share. */
  readonly #sent = new Map<number, Sent>();
  #connection: Connection | null = null;
  #sequence = 0;
  #keys = 0;
  /** How often the process started. */
  #life = 0;
  #slots: number;
  /** Seats that it was granted while all was calm. */
  servedInCalm = 0;

  constructor(
    parts: {
      readonly name: string;
      readonly host: Host;
      readonly path: Path;
      readonly random: Random;
    },
    world: Surroundings,
  ) {
    this.name = parts.name;
    this.host = parts.host;
    this.path = parts.path;
    this.random = parts.random;
    this.#world = world;
    this.#options = world.options.clients;
    this.#slots = this.random.chance(0.3) ? 2 : 1;
    this.start();
  }

  get clock(): number {
    return this.host.boot;
  }

  start(): void {
    this.#life++;
    for (let slot = 0; slot < this.#slots; slot++) this.#think();
  }

  /** The process dies, and starts anew later. Its connection may be closed by that, or not. */
  vanish(downMs: number): void {
    for (const seat of [...this.seats]) seat.vanish();
    this.#life++;
    if (this.#connection !== null)
      this.#world.disconnect(this.#connection, this.random.chance(0.5));
    this.#connection = null;
    this.host.later(downMs, () => this.start());
  }

  uses(connection: Connection): boolean {
    return this.#connection === connection;
  }

  /** What was sent under a sequence number, for whoever watches. */
  sentUnder(sequence: number): Sent | undefined {
    return this.#sent.get(sequence);
  }

  send(seat: Seat, build: (sequence: number) => ClientMessage): void {
    const sequence = ++this.#sequence;
    const message = build(sequence);
    const releases = message[0] === MessageType.release;
    this.#sent.set(sequence, { seat, sentAt: this.clock, releases });
    this.#connection ??= this.#world.connect(this, this.#life);
    this.#world.carry(this.#connection, message);
  }

  receive(message: ServerMessage): void {
    const sent = this.#sent.get(message[1]);
    if (sent === undefined || sent.releases) return;
    sent.seat.onReply(message, sent.sentAt);
    this.#world.believes();
  }

  /** The server's end says that the connection is gone. */
  reset(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    for (const seat of [...this.seats]) seat.onReset();
  }

  /** Gives up a connection that does not answer. */
  reconnect(): void {
    if (this.#connection === null) return;
    this.#world.disconnect(this.#connection, this.random.chance(0.7));
    this.#connection = null;
  }

  served(_seat: Seat): void {
    if (this.#world.calm) this.servedInCalm++;
  }

  /** Says so a few times, since nobody waits for the answer. */
  giveBack(seat: Seat, times: number): void {
    const { release } = MessageType;
    this.send(seat, (sequence) => [release, sequence, seat.key, new Uint8Array(0)]);
    const life = this.#life;
    if (times <= 1 || this.random.chance(0.6)) return;
    this.host.after(RELEASE_MS_MAX, () => {
      if (life === this.#life) this.giveBack(seat, times - 1);
    });
  }

  done(seat: Seat): void {
    this.seats.delete(seat);
    this.#think();
  }

  #think(): void {
    const life = this.#life;
    const thinkMs = this.#world.calm ? THINK_MS_CALM : this.#options.thinkMs;
    this.host.after(this.random.exponential(thinkMs), () => {
      if (life === this.#life && !this.#world.closing) this.#wantSeat();
    });
  }

  #wantSeat(): void {
    const key = new Uint8Array(16);
    const view = new DataView(key.buffer);
    view.setUint32(0, Number(this.name.slice(1)));
    view.setUint32(4, ++this.#keys);
    this.seats.add(new Seat(this, key, this.#world.calm ? this.#calmWish() : this.#wish()));
  }

  #wish(): Wish {
    const { random } = this;
    const { patient, patienceMs, useMs, holds, silent, seatsMax } = this.#options;
    const known = APPLICATIONS.slice(0, this.#world.options.licenses.applications);
    return {
      application: random.chance(0.02) ? 'Nowhere' : random.pick(known),
      version: random.chance(0.7) ? null : random.pick(['1', '1.0', '1.5', '2', '2.0.1', '3']),
      count: random.chance(0.6) ? 1 : random.integer(1, seatsMax),
      patienceMs: random.chance(patient) ? Math.ceil(random.exponential(patienceMs)) : 0,
      holdMs: random.chance(holds) ? random.integer(5_000, 90_000) : 0,
      useMs: random.exponential(useMs),
      silentAfterMs: random.chance(silent) ? random.between(-20_000, 60_000) : null,
    };
  }

  #calmWish(): Wish {
    const { random } = this;
    const known = APPLICATIONS.slice(0, this.#world.options.licenses.applications);
    return {
      application: random.pick(known),
      version: null,
      count: random.integer(1, this.#options.seatsMax),
      patienceMs: 3_600_000,
      holdMs: 0,
      useMs: random.exponential(1_000),
      silentAfterMs: null,
    };
  }
}
