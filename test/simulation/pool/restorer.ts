/**
 * Gives a server an older image of its own disk while the others run. They must refuse it; that can
 * be asked of them only where each of them has on its disk that there was a later one.
 */
import { read, Space, textKey } from '../../../src/engine/records.ts';
import { STARTS_KEPT } from '../../../src/engine/starts.ts';
import type { DiskImage } from '../disk.ts';
import type { Random } from '../random.ts';
import type { PoolServer } from './server.ts';
import type { PoolUpgrade } from './upgrade.ts';
import type { PoolWorld } from './world.ts';

const POLL_MS = 1_000;
const POLLS_MAX = 40;
const DOWN_MS = 2_000;
/** What a start writes before it greets anybody: a younger image looks like no image. */
const START_TRANSACTIONS = 1;

/** Fewer than a server tells of. */
const STARTS_UNSEEN_MAX = 0.8 * STARTS_KEPT;

export class Restorer {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #stopped = false;
  #busy = false;
  #round = 0;

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Takes an image, lets the server start once more so that it tells everyone, and restores it. */
  begin(): void {
    if (this.#servers.length === 0) return;
    const server = this.#random.pick(this.#servers);
    this.beginWith(server, server.disk.image());
  }

  /** The same, with an image of before. */
  beginWith(server: PoolServer, image: DiskImage): void {
    if (this.#busy || !this.#isSpare(server) || server.process === null) return;
    // Nobody is left who could tell.
    if (this.#stopped || this.#world.recovery?.isUnderWay === true) return;
    this.#busy = true;
    this.#world.trace(() => `an image of ${server.name} at ${image.transaction}`);
    const round = this.#round;
    this.#world.agenda.after(this.#random.between(500, 20_000), () => {
      if (round !== this.#round) return;
      this.#world.kill(server, false);
      this.#poll(server, image, POLLS_MAX);
    });
  }

  /** A server is about to get an older image. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** The others are a majority without it, and without those that are gone already. */
  #isSpare(server: PoolServer): boolean {
    const servers = this.#servers;
    const restored = servers.filter((one) => one.restored || one.held).length;
    const isMinority = restored + 1 <= Math.floor((servers.length - 1) / 2);
    return isMinority && servers.includes(server) && !server.restored;
  }

  /** The pool loses its majority: whoever was to be given an image keeps what it has. */
  letGo(): void {
    this.#round++;
    this.#busy = false;
    for (const server of this.#servers) server.held = false;
  }

  /** Those of the pool. */
  get #servers(): readonly PoolServer[] {
    const { recovery, members, servers } = this.#world;
    return recovery?.members ?? members?.settled ?? servers;
  }

  /** It starts again and again, unseen, until it counts further than the others remember. */
  #catchUp(server: PoolServer, { counts }: PoolUpgrade): void {
    const known = Math.max(...this.#servers.map((other) => knownTo(other, server)));
    if (known - server.disk.transaction > STARTS_UNSEEN_MAX) return;
    counts.caughtUp++;
    for (let starts = 0; starts < STARTS_UNSEEN_MAX && server.disk.transaction <= known; starts++) {
      this.#world.start(server, false);
      this.#world.kill(server, false);
    }
  }

  #poll(server: PoolServer, image: DiskImage, left: number): void {
    const round = this.#round;
    this.#world.agenda.after(POLL_MS, () => {
      if (round !== this.#round) return;
      if (this.#stopped || left === 0) {
        this.#busy = false;
      } else if (server.process !== null && this.#isKnown(server, image)) {
        if (this.#isSpare(server)) this.#restore(server, image);
        else this.#busy = false;
      } else {
        this.#poll(server, image, left - 1);
      }
    });
  }

  #isKnown(server: PoolServer, { transaction }: DiskImage): boolean {
    const others = this.#servers.filter((other) => other !== server && !other.restored);
    return others.every((other) => knownTo(other, server) > transaction + START_TRANSACTIONS);
  }

  #restore(server: PoolServer, image: DiskImage): void {
    server.held = true;
    this.#world.kill(server, false);
    const round = this.#round;
    this.#world.agenda.after(DOWN_MS, () => {
      if (round !== this.#round) return;
      server.held = false;
      this.#busy = false;
      if (this.#stopped || server.process !== null) return;
      this.#world.trace(() => `${server.name} gets its image of ${image.transaction} back`);
      server.restored = true;
      this.#world.faults.counts.restores++;
      server.disk.restore(image);
      if (this.#world.upgrade !== null) this.#catchUp(server, this.#world.upgrade);
      this.#world.start(server, false);
    });
  }
}

/** The last transaction of `server` that another one has on its disk. */
function knownTo(other: PoolServer, server: PoolServer): number {
  const record = other.disk.get(textKey(Space.peer, server.id));
  const [, , known = 0] = record === null ? [] : (read(record) as number[]);
  return known;
}
