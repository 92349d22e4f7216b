/**
 * Gives a server an older image of its own disk while the others run. They must refuse it; that can
 * be asked of them only where each of them has on its disk that there was a later one.
 */
import { read, Space, textKey } from '../../../src/engine/records.ts';
import type { DiskImage } from '../disk.ts';
import type { Random } from '../random.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

const POLL_MS = 1_000;
const POLLS_MAX = 40;
const DOWN_MS = 2_000;
/** What a start writes before it greets anybody: a younger image looks like no image. */
const START_TRANSACTIONS = 1;

export class Restorer {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #stopped = false;
  #busy = false;

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Takes an image, lets the server start once more so that it tells everyone, and restores it. */
  begin(): void {
    const { servers } = this.#world;
    const restored = servers.filter((server) => server.restored || server.held).length;
    const server = this.#random.pick(servers);
    const isMinority = restored + 1 <= Math.floor((servers.length - 1) / 2);
    if (this.#busy || !isMinority || server.process === null || server.restored) return;
    this.#busy = true;
    const image = server.disk.image();
    this.#world.trace(() => `an image of ${server.name} at ${image.transaction}`);
    this.#world.agenda.after(this.#random.between(500, 20_000), () => {
      this.#world.kill(server, false);
      this.#poll(server, image, POLLS_MAX);
    });
  }

  #poll(server: PoolServer, image: DiskImage, left: number): void {
    this.#world.agenda.after(POLL_MS, () => {
      if (this.#stopped || left === 0) {
        this.#busy = false;
      } else if (server.process !== null && this.#isKnown(server, image)) {
        this.#restore(server, image);
      } else {
        this.#poll(server, image, left - 1);
      }
    });
  }

  #isKnown(server: PoolServer, { transaction }: DiskImage): boolean {
    const others = this.#world.servers.filter((other) => other !== server && !other.restored);
    return others.every((other) => {
      const record = other.disk.get(textKey(Space.peer, server.id));
      const [, , known = 0] = record === null ? [] : (read(record) as number[]);
      return known > transaction + START_TRANSACTIONS;
    });
  }

  #restore(server: PoolServer, image: DiskImage): void {
    server.held = true;
    this.#world.kill(server, false);
    this.#world.agenda.after(DOWN_MS, () => {
      server.held = false;
      this.#busy = false;
      if (this.#stopped || server.process !== null) return;
      this.#world.trace(() => `${server.name} gets its image of ${image.transaction} back`);
      server.restored = true;
      this.#world.faults.counts.restores++;
      server.disk.restore(image);
      this.#world.start(server, false);
    });
  }
}
