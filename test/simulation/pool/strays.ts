/**
 * Heartbeats that arrive when much has happened: the network keeps them, or copies of them, until a
 * server is fenced. Their connection ends after them.
 */
import { type ClientMessage, MessageType } from '../../../src/engine/messages.ts';
import type { Random } from '../random.ts';
import type { PoolConnection } from './connection.ts';
import type { PoolWorld } from './world.ts';

/** Share of them that a fence lets go. */
const LET_GO = 0.6;
/** Share of claims that are kept, where any heartbeat is. */
const CLAIMS = 0.6;
/** How soon after it, at the mean, in true milliseconds. */
const SOON_MS = 400;

interface Stray {
  readonly connection: PoolConnection;
  /** The fence that a claim quotes, and whose it is: it waits for that server's next one. */
  readonly quotes: { readonly server: string; readonly fence: number } | null;
  arrives(): void;
}

export class Strays {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #strays: readonly Stray[] = [];
  /** Connections whose ends wait for what is kept. */
  readonly #ending = new Set<PoolConnection>();
  /** Fences that were seen. */
  #seen = 0;
  readonly counts = { strays: 0 };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Whether it keeps that message; where it keeps a copy only, it says false. */
  keeps(connection: PoolConnection, message: ClientMessage, arrives: () => void): boolean {
    const { strays } = this.#world.options.clients;
    if (strays === 0 || this.#world.calm || message[0] !== MessageType.heartbeat) return false;
    const quotes = this.#quoted(message[4] ?? null);
    if (!this.#random.chance(quotes === null ? strays : CLAIMS)) return false;
    this.#strays = [...this.#strays, { connection, quotes, arrives }];
    const isKept = this.#random.chance(0.5);
    if (quotes !== null && isKept) this.#world.held.comeBack();
    return isKept;
  }

  /** The end of a connection waits for what it carries. */
  delays(connection: PoolConnection): boolean {
    const waits = this.#strays.some((one) => one.connection === connection);
    if (waits) this.#ending.add(connection);
    return waits;
  }

  /** Servers did something. */
  look(): void {
    if (this.#strays.length === 0) return;
    const { fences } = this.#world.observer.ledgers.counts;
    if (fences === this.#seen) return;
    this.#seen = fences;
    const released = this.#strays.filter((stray) => this.#isDue(stray));
    for (const stray of released) this.#letGo(stray);
  }

  #isDue({ quotes }: Stray): boolean {
    if (quotes === null) return this.#random.chance(LET_GO);
    return this.#world.observer.ledgers.servers.get(quotes.server)?.fence !== quotes.fence;
  }

  #quoted(fence: number | null): Stray['quotes'] {
    if (fence === null) return null;
    for (const known of this.#world.observer.ledgers.servers.values()) {
      if (known.fence === fence) return { server: known.id, fence };
    }
    return null;
  }

  /** None arrives any more. */
  stop(): void {
    this.#strays = [];
    for (const connection of this.#ending) this.#world.hangUp(connection);
  }

  #letGo(stray: Stray): void {
    const { agenda } = this.#world;
    agenda.after(this.#random.exponential(SOON_MS), () => {
      if (!this.#strays.includes(stray)) return;
      this.#strays = this.#strays.filter((one) => one !== stray);
      this.counts.strays++;
      stray.arrives();
      const { connection } = stray;
      if (!this.#ending.has(connection) || this.delays(connection)) return;
      this.#ending.delete(connection);
      connection.server.host.later(0, () => this.#world.hangUp(connection));
    });
  }
}
