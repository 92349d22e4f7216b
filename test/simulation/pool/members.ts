/**
 * Changes of membership in a simulated pool: RLFs that add servers, drop some, give a name to another
 * key, or all of it at once, at any moment. A server that has left stays down until it is listed anew.
 */
import type { RlfServer } from '../../../src/engine/license/types.ts';
import { sampleServer } from '../../engine/sample-rlf.ts';
import type { Random } from '../random.ts';
import type { PoolOptions } from './options.ts';
import type { PoolProcess, PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** Servers beside those of the founding. */
export const SPARES = 5;
const SERVERS_MAX = 7;

/** The same, without what would leave the servers that are listed at some time no majority. */
export function optionsForMembers(options: PoolOptions, random: Random): PoolOptions {
  const never = { restoreMs: null, wallJumpMs: null, outageMs: null };
  const { servers, faults } = options;
  // Members are lost for good, and a majority may be away: seats may be lost in any mode.
  const mode = options.mode === 'fail-over' ? 'hostile' : options.mode;
  return {
    ...options,
    mode,
    servers: Math.min(servers, random.pick([1, 3, 3, 5])),
    faults: { ...faults, ...never },
  };
}

export class PoolMembers {
  readonly #world: PoolWorld;
  readonly #random: Random;
  /** Mean time between two changes, true milliseconds. */
  readonly #meanMs: number;
  readonly #peers = new WeakMap<PoolProcess, readonly RlfServer[]>();
  readonly #tookPart = new WeakSet<PoolProcess>();
  readonly counts = { memberChanges: 0, joins: 0, departures: 0, comebacks: 0 };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#meanMs = random.pick([6_000, 20_000, 50_000]);
  }

  start(): void {
    this.#world.agenda.after(this.#random.exponential(this.#meanMs), () => {
      if (this.#world.faults.stopped) return;
      this.#change();
      this.start();
    });
  }

  /** A server did something: its links follow what it knows of the pool, and it may have left. */
  turned(process: PoolProcess): void {
    const { core, server } = process;
    const { peers, takesPart } = core;
    if (peers !== this.#peers.get(process)) {
      this.#peers.set(process, peers);
      this.#world.network.follow(server);
    }
    if (takesPart) this.#tookPart.add(process);
    else if (this.#tookPart.has(process) && core.isLeaving) this.#retire(server);
  }

  /** The servers of the newest RLF that is in force anywhere. */
  listed(): readonly RlfServer[] {
    let newest = this.#world.rlfs.get(1);
    for (const { process } of this.#world.servers) {
      const rlf = process?.core.takesPart === true ? process.core.state.rlf : newest;
      if (rlf.sequence > newest.sequence) newest = rlf;
    }
    return newest.servers;
  }

  /** All of these are to run, with that RLF. */
  enlist(list: readonly RlfServer[], sequence: number): void {
    for (const server of this.#world.servers) {
      if (!list.some(({ fingerprint }) => fingerprint === server.id)) continue;
      if (server.process?.core.takesPart === true) continue;
      server.joinsBy = this.#world.rlfs.get(sequence);
      if (server.process !== null) this.#world.offer(server, sequence);
      if (server.retired) this.counts.comebacks++;
      if (server.isSpare || server.retired) {
        server.retired = false;
        this.#world.start(server, false);
      }
    }
  }

  /** It takes part, and nobody else does; asked once all is calm. */
  isSettled(server: PoolServer): boolean {
    const { process } = server;
    if (process === null) return false;
    const { configuration, rlf, members } = process.core.state;
    const ids = rlf.servers.map(({ fingerprint }) => fingerprint).sort();
    const isSame = ids.join() === [...configuration.voters].sort().join();
    return isSame && configuration.learners.length === 0 && members.leaving.length === 0;
  }

  #change(): void {
    const { rlfs, servers } = this.#world;
    const list = this.#draw(this.listed());
    const sequence = rlfs.drawMembers(list);
    this.counts.memberChanges++;
    this.#world.trace(() => `RLF ${sequence} lists ${list.map((one) => nameOf(one)).join(' ')}`);
    const up = servers.filter(({ process }) => process?.core.takesPart === true);
    // Else those who join bring it.
    if (up.length > 0 && this.#random.chance(0.8))
      this.#world.offer(this.#random.pick(up), sequence);
    this.enlist(list, sequence);
  }

  /** Something of the list before stays, as it has to. */
  #draw(before: readonly RlfServer[]): RlfServer[] {
    const random = this.#random;
    const all = this.#world.servers.map(({ place }) => place);
    const stays = random.pick([1, 0.8, 0.5, 0.2]);
    const kept = before.filter(() => random.chance(stays));
    if (kept.length === 0) kept.push(random.pick(before));
    const dropped = before.filter((one) => !kept.includes(one));
    const list = [...kept];
    const fresh = all.filter((place) => {
      return !before.some(({ fingerprint }) => fingerprint === sampleServer('', place).fingerprint);
    });
    const added = random.integer(0, Math.min(3, fresh.length, SERVERS_MAX - list.length));
    for (let n = 0; n < added; n++) {
      const [place = 0] = fresh.splice(random.integer(0, fresh.length - 1), 1);
      // With the name of one that goes it is its successor.
      const successor = random.chance(0.5) ? dropped.pop()?.name : undefined;
      const own = String.fromCharCode(0x41 + place);
      const isFree = list.every(({ name }) => name !== own);
      list.push(sampleServer(successor ?? (isFree ? own : `${own}2`), place));
    }
    const named = new Set<string>();
    const once = list.filter(({ name }) => !named.has(name) && named.add(name));
    return random.chance(0.3) ? once.reverse() : once;
  }

  #retire(server: PoolServer): void {
    if (server.retired) return;
    this.counts.departures++;
    this.#world.trace(() => `${server.name} has left the pool`);
    server.retired = true;
    server.host.later(0, () => server.kill());
  }
}

function nameOf({ name, fingerprint }: RlfServer): string {
  return `${name}/${Number.parseInt(fingerprint.slice(-2), 16)}`;
}
