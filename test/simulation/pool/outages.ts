/**
 * Outages of a minority at a time: some servers die, together, and come back after any time. The
 * next outage waits until those that came back have caught up, and clients had time to fail over.
 */
import type { Random } from '../random.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** A fail-over must be done by then: a third of the least lifetime, a fence, and some. */
const APART_MS = 25_000;
const CAUGHT_UP_MS = 10_000;

export class Outages {
  readonly #world: PoolWorld;
  readonly #random: Random;
  readonly #happened: () => void;
  #lastAt = 0;

  constructor(world: PoolWorld, random: Random, happened: () => void) {
    this.#world = world;
    this.#random = random;
    this.#happened = happened;
  }

  start(): void {
    this.#next();
  }

  /** That server, where it is time for one to die. */
  strikes(server: PoolServer): void {
    const { agenda, servers } = this.#world;
    const isWhole = servers.every((one) => this.#isWell(one));
    if (servers.length < 3 || !isWhole || agenda.now - this.#lastAt < APART_MS) return;
    this.#lastAt = agenda.now;
    this.#happened();
    agenda.after(this.#random.between(0, 60), () => this.#world.kill(server, false));
  }

  #next(): void {
    const { agenda, options, faults } = this.#world;
    const mean = options.faults.outageMs ?? 0;
    agenda.after(APART_MS + this.#random.exponential(mean), () => {
      if (faults.stopped) return;
      this.#strike();
      this.#next();
    });
  }

  #strike(): void {
    const { agenda, servers } = this.#world;
    const minority = Math.floor((servers.length - 1) / 2);
    const well = servers.filter((server) => this.#isWell(server));
    const room = minority - (servers.length - well.length);
    if (room <= 0 || agenda.now - this.#lastAt < APART_MS) return;
    this.#lastAt = agenda.now;
    this.#happened();
    const count = this.#random.integer(1, room);
    for (let n = 0; n < count; n++) {
      const leader = well.findIndex(({ leads }) => leads);
      const first = n === 0 && leader >= 0 && this.#random.chance(0.4);
      const at = first ? leader : this.#random.integer(0, well.length - 1);
      const [server] = well.splice(at, 1);
      if (server === undefined) return;
      const power = this.#random.chance(0.4);
      agenda.after(this.#random.between(0, 300), () => this.#world.kill(server, power));
    }
  }

  #isWell(server: PoolServer): boolean {
    const { process } = server;
    return (
      process?.core.ready === true && this.#world.agenda.now - server.startedAt >= CAUGHT_UP_MS
    );
  }
}
