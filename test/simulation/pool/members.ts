/**
 * Changes of membership in a simulated pool: RLFs that add servers, drop some, give a name to another
 * key, or all of it at once, at any moment. A server that has left stays down until it is listed anew.
 */
import type { Rlf, RlfServer } from '../../../src/engine/license/types.ts';
import { sampleServer } from '../../engine/sample-rlf.ts';
import { Random } from '../random.ts';
import type { PoolOptions } from './options.ts';
import type { PoolProcess, PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** Servers beside those of the founding. */
export const SPARES = 5;
const SERVERS_MAX = 7;
const OWN_SEEDS = 2 ** 52;

/** The same, without what would leave the servers that are listed at some time no majority. */
export function optionsForMembers(options: PoolOptions, random: Random, seed: number): PoolOptions {
  // From a generator of their own: simulations without them are as they were.
  const own = new Random(seed + OWN_SEEDS);
  const maybe = (share: number, min: number, max: number) =>
    own.chance(share) ? own.between(min, max) : null;
  const rare = {
    restoreMs: maybe(0.3, 15_000, 50_000),
    wallJumpMs: maybe(0.25, 8_000, 40_000),
    wholeMs: maybe(0.25, 20_000, 90_000),
    outageMs: null,
  };
  const { servers, faults } = options;
  // Members are lost for good, and a majority may be away: seats may be lost in any mode.
  const mode = options.mode === 'fail-over' ? 'hostile' : options.mode;
  return {
    ...options,
    mode,
    servers: Math.min(servers, random.pick([1, 3, 3, 5])),
    faults: { ...faults, ...rare },
  };
}

export class PoolMembers {
  readonly #world: PoolWorld;
  readonly #random: Random;
  /** Mean time between two changes, true milliseconds. */
  readonly #meanMs: number;
  readonly #peers = new WeakMap<PoolProcess, readonly RlfServer[]>();
  readonly #tookPart = new WeakSet<PoolProcess>();
  /** In force anywhere; null for that of the founding. */
  #newest: Rlf | null = null;
  readonly counts = { memberChanges: 0, joins: 0, departures: 0, comebacks: 0 };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#meanMs = random.pick([6_000, 20_000, 50_000]);
  }

  start(): void {
    this.#world.agenda.after(this.#random.exponential(this.#meanMs), () => {
      const { stopped, restorer } = this.#world.faults;
      if (stopped) return;
      // A server that is about to get an older disk is gone: with one that leaves beside it, no
      // majority might be left.
      if (!restorer.isBusy) this.#change();
      this.start();
    });
  }

  /** Those that vote, where that is how it stays until the next change; else none. */
  get settled(): readonly PoolServer[] {
    const { servers, rlfs } = this.#world;
    const applied = ({ process }: PoolServer) => process?.core.applied ?? 0;
    const [newest] = [...servers].sort((a, b) => applied(b) - applied(a));
    if (newest === undefined || !this.isSettled(newest)) return [];
    const { rlf, configuration } = newest.process?.core.state ?? {};
    const listed = rlfs.get(rlfs.newestSequence).servers.map(({ fingerprint }) => fingerprint);
    const isSame = rlf?.servers.map(({ fingerprint }) => fingerprint).join() === listed.join();
    return isSame ? servers.filter(({ id }) => configuration?.voters.includes(id)) : [];
  }

  /** A server did something: its links follow what it knows of the pool, and it may have left. */
  turned(process: PoolProcess): void {
    const { core, server } = process;
    const { peers, takesPart } = core;
    if (peers !== this.#peers.get(process)) {
      this.#peers.set(process, peers);
      this.#world.network.follow(server);
    }
    const { rlf } = core.state;
    if (takesPart && rlf.sequence > (this.#newest?.sequence ?? 1)) this.#newest = rlf;
    if (takesPart) this.#tookPart.add(process);
    else if (this.#tookPart.has(process) && core.isLeaving) this.#retire(server);
  }

  /** The servers of the newest RLF that is in force anywhere. */
  listed(): readonly RlfServer[] {
    return (this.#newest ?? this.#world.rlfs.get(1)).servers;
  }

  /** The same, without those whose disks were set back: an administrator replaces them. */
  remaining(): readonly RlfServer[] {
    const { servers } = this.#world;
    const isGone = ({ fingerprint }: RlfServer) =>
      servers.some(({ id, restored }) => restored && id === fingerprint);
    return this.listed().filter((one) => !isGone(one));
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
    const before = this.remaining();
    if (before.length === 0) return;
    const list = this.#draw(before);
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
    const { servers, faults } = this.#world;
    const all = servers.filter(({ restored }) => !restored).map(({ place }) => place);
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
    const jumps = ({ fingerprint }: RlfServer) =>
      faults.jumpers.some(({ id }) => id === fingerprint);
    // A clock that is wrong is that of no majority.
    if (list.every(jumps)) list.push(...dropped.slice(0, 1));
    if (list.every(jumps)) list.push(...fresh.slice(0, 1).map((place) => sampleServer('X', place)));
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
