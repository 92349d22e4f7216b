/**
 * A simulated pool that loses its majority for good, once or twice: those that are left restart it
 * in a new epoch, while everything else goes wrong as always. The lost come back as they were, never
 * a majority of them at a time; some servers were never lost, and the RLF does not name them.
 */
import { LedgerState } from '../../../src/engine/ledger/state.ts';
import type { RlfServer } from '../../../src/engine/license/types.ts';
import { sampleServer } from '../../engine/sample-rlf.ts';
import type { DiskImage } from '../disk.ts';
import { Random } from '../random.ts';
import type { OldAct } from './administrator.ts';
import { InUse, MORE_MS, optionsInUse, type RecoveryPlan } from './in-use.ts';
import { drawPoolOptions, type PoolOptions } from './options.ts';
import type { PoolProcess, PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

const OFFER_AGAIN_MS = 4_000;
const RETURN_MS_MEAN = 12_000;
/** Share of simulations in which all seats are in use when the majority is lost. */
const IN_USE = 0.35;
const IN_USE_SEEDS = 2 ** 51;
/** Until a server is fenced, and until its seats are opened. */
const PARTED_MS = [8_000, 15_000, 40_000, 60_000, 80_000];

/** Without what would leave the survivors no majority, or a majority of clocks that are wrong. */
export function optionsForRecovery(random: Random, seed: number): PoolOptions {
  // From a generator of their own: simulations without them are as they were.
  const own = new Random(seed + IN_USE_SEEDS);
  if (own.chance(IN_USE)) return optionsInUse(own);
  let drawn = drawPoolOptions(random);
  while (drawn.mode === 'fail-over' || drawn.mode === 'queue') drawn = drawPoolOptions(random);
  const { licenses, clients, faults } = drawn;
  const commuters = random.pick([0, 0.1, 0.3]);
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  return {
    ...drawn,
    servers: random.pick([3, 5, 5, 7, 7]),
    durationMs: drawn.durationMs + MORE_MS,
    licenses: {
      ...licenses,
      dates: false,
      lifetimesMs: random.pick([[26_000], [45_000], [26_000, 60_000]]),
    },
    clients: {
      ...clients,
      // A commuter that gets its seat when all is calm brings it back in time.
      useMs: random.pick([20_000, 60_000, commuters > 0 ? 30_000 : 200_000]),
      holds: random.pick([0, 0.2, 0.4]),
      commuters,
    },
    faults: {
      ...faults,
      ...{ wallJumpMs: null, outageMs: null },
      restoreMs: maybe(0.4, 15_000, 60_000),
      pushMs: maybe(0.6, 8_000, 40_000),
      evictMs: maybe(0.4, 5_000, 30_000),
    },
  };
}

/** A restart that is under way, or done. */
interface Restart {
  readonly epoch: number;
  readonly survivors: readonly PoolServer[];
  readonly sequence: number;
  /** Of the servers of before, how many may be up at a time. */
  readonly minority: number;
}

export class PoolRecovery {
  readonly #world: PoolWorld;
  readonly #random: Random;
  readonly #inUse: InUse | null;
  #current: Restart | null = null;
  #isUnderWay = false;
  /** Who is to be left. */
  #chosen: readonly PoolServer[] | null = null;
  readonly #images = new Map<PoolServer, DiskImage>();
  readonly #peers = new WeakMap<PoolProcess, readonly RlfServer[]>();
  readonly counts = {
    recoveries: 0,
    secondRecoveries: 0,
    leftBehind: 0,
    unnamed: 0,
    oldImages: 0,
    recordsKept: 0,
    recordsLost: 0,
    oldActs: 0,
    cutOff: 0,
    premature: 0,
  };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#inUse = world.options.mode === 'in-use' ? new InUse(world, random) : null;
  }

  start(): void {
    const { agenda, servers } = this.#world;
    const { imagesAt, lossAt, parted } = this.#inUse?.plan() ?? this.#plan();
    agenda.after(imagesAt, () => {
      for (const server of servers) this.#images.set(server, server.disk.image());
    });
    agenda.after(lossAt, () => this.#lose());
    if (parted !== null) agenda.after(parted.at, () => this.#part(parted));
    this.#inUse?.start();
  }

  #plan(): RecoveryPlan {
    const lossAt = (this.#world.options.durationMs - MORE_MS) * this.#random.between(0.3, 0.9);
    const imagesAt = lossAt * this.#random.between(0.3, 1);
    if (!this.#random.chance(0.7)) return { imagesAt, lossAt, parted: null };
    const forMs = Math.min(lossAt - 1_000, this.#random.pick(PARTED_MS));
    return { imagesAt, lossAt, parted: { at: lossAt - forMs, forMs, share: 1 } };
  }

  /** Those that will be left know little of what the others do before they are lost. */
  #part({ forMs, share }: NonNullable<RecoveryPlan['parted']>): void {
    this.#chosen = this.#draw(this.members);
    this.#world.trace(() => `to be left: ${this.#chosen?.map(({ name }) => name).join(' ')}`);
    const count = Math.ceil(share * this.#chosen.length);
    this.#world.faults.troubled(forMs);
    for (const server of this.#chosen.slice(0, count)) this.#world.network.part(forMs, server);
  }

  /** Those of the pool as it is now. */
  get members(): readonly PoolServer[] {
    return this.#current?.survivors ?? this.#world.servers;
  }

  /** A server did something: its links follow what it knows of the pool. */
  turned(process: PoolProcess): void {
    const { peers } = process.core;
    const known = this.#peers.get(process);
    this.#peers.set(process, peers);
    if (known !== undefined && known !== peers) this.#world.network.follow(process.server);
  }

  /** A majority is gone, and the pool is not restarted yet. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  #lose(): void {
    if (this.#world.faults.stopped) return;
    const { members } = this;
    this.#world.faults.restorer.letGo();
    const chosen = this.#chosen?.filter(({ banned, restored }) => !banned && !restored) ?? [];
    this.#chosen = null;
    const survivors = chosen.length > 0 ? chosen : this.#draw(members);
    if (survivors.length === 0) return;
    const minority = Math.floor((members.length - 1) / 2);
    const all = members.filter((server) => !survivors.includes(server));
    this.#world.trace(() => `gone for good: ${all.map(({ name }) => name).join(' ')}`);
    // One that is there is forgotten by the administrator.
    const isRoom = survivors.length < minority && this.#random.chance(0.4);
    const unnamed = isRoom ? this.#random.pick(all) : null;
    for (const server of all) {
      server.lost = true;
      server.isBack = server === unnamed;
      if (server === unnamed) this.counts.unnamed++;
      else this.#world.kill(server, this.#random.chance(0.5));
    }
    const listed = survivors.map(({ name, place }) => sampleServer(name, place));
    const epoch = (this.#current?.epoch ?? 1) + 1;
    const acts = this.#oldActs(survivors);
    this.#isUnderWay = true;
    this.#giveUp(survivors, epoch);
    const sequence = this.#world.rlfs.drawRecovery(listed, epoch);
    this.#current = { epoch, survivors, sequence, minority };
    this.#inUse?.lost(survivors);
    this.#inUse?.await(survivors, epoch, () => this.#comeBack(0));
    // Often while seats of the lost are still in use.
    const after = this.#random.pick([0, 0, 2_000, this.#random.between(0, 20_000)]);
    const afterMs = this.#inUse === null ? after : 0;
    this.#world.agenda.after(afterMs, () => this.#offer(acts));
  }

  /** A minority, of those that were not refused before. */
  #draw(members: readonly PoolServer[]): PoolServer[] {
    const left = members.filter(({ banned, restored }) => !banned && !restored);
    const minority = Math.floor((members.length - 1) / 2);
    const most = members.length === 2 ? 1 : minority;
    const count = Math.min(left.length, this.#random.pick([most, this.#random.integer(1, most)]));
    const survivors: PoolServer[] = [];
    while (survivors.length < count) {
      survivors.push(...left.splice(this.#random.integer(0, left.length - 1), 1));
    }
    return survivors;
  }

  /** What no survivor has on its disk is given up. */
  #giveUp(survivors: readonly PoolServer[], epoch: number): void {
    const { observer, rlfs } = this.#world;
    const states = survivors.map(({ disk }) => LedgerState.recover(disk));
    const known = states
      .filter((state) => state !== null)
      .reduce<LedgerState>(
        (best, state) => (state.applied > best.applied ? state : best),
        LedgerState.found(rlfs.get(1)),
      );
    for (const { key } of known.held.values()) {
      if (observer.ledgers.isHeldAs(key.id, null)) this.counts.recordsKept++;
    }
    const before = Array.from({ length: known.rlf.sequence }, (_, at) => rlfs.get(at + 1));
    this.counts.recordsLost += observer.restarts(known, epoch, before);
  }

  /** An administrator said so before; it arrives after the pool is restarted. */
  #oldActs(survivors: readonly PoolServer[]): readonly OldAct[] {
    const { administrator } = this.#world.faults;
    return survivors.flatMap((server) => administrator.prepare(server) ?? []);
  }

  /** As an administrator does: until it is in force. */
  #offer(acts: readonly OldAct[]): void {
    const { agenda } = this.#world;
    const { survivors, sequence, epoch } = this.#current as Restart;
    const isDone = ({ process }: PoolServer) => process?.core.state.epoch === epoch;
    if (survivors.every(isDone)) {
      this.#done(acts);
      return;
    }
    const up = survivors.filter((one) => one.process !== null && !isDone(one));
    const given = this.#inUse !== null ? up : up.length > 0 ? [this.#random.pick(up)] : [];
    for (const server of given) this.#world.offer(server, sequence);
    // Once one of them takes part no majority of before can be there again.
    const takesPart = survivors.some(({ process }) => process?.core.restart === 'under-way');
    if (takesPart && this.#random.chance(0.1)) this.#comeBack(survivors.length - 1);
    agenda.after(OFFER_AGAIN_MS, () => this.#offer(acts));
  }

  #done(acts: readonly OldAct[]): void {
    const { agenda, faults } = this.#world;
    const { survivors, epoch } = this.#current as Restart;
    this.#isUnderWay = false;
    this.counts.recoveries++;
    if (epoch > 2) this.counts.secondRecoveries++;
    for (const act of acts) {
      this.counts.oldActs++;
      agenda.after(this.#random.between(0, 40_000), () => faults.administrator.repeat(act));
    }
    this.#returns(epoch);
    const kept = this.#random.pick(survivors);
    const image = this.#images.get(kept);
    if (image !== undefined) agenda.after(20_000, () => faults.restorer.beginWith(kept, image));
    for (const server of survivors) this.#images.set(server, server.disk.image());
    if (survivors.length < 2 || !this.#random.chance(0.6)) return;
    agenda.after(this.#random.exponential(60_000), () => this.#lose());
  }

  #returns(epoch: number): void {
    this.#world.agenda.after(this.#random.exponential(RETURN_MS_MEAN), () => {
      if (this.#world.faults.stopped || this.#current?.epoch !== epoch) return;
      this.#comeBack(0);
      this.#returns(epoch);
    });
  }

  /** One of the lost, as it was, or as it was before; `others`: who may be of that epoch still. */
  #comeBack(others: number): void {
    const { servers, agenda } = this.#world;
    const back = servers.filter((one) => one.lost && one.isBack && !one.banned).length;
    const lost = servers.filter((one) => one.lost && !one.isBack);
    if (lost.length === 0 || back + others >= (this.#current?.minority ?? 0)) return;
    const server = this.#random.pick(lost);
    const image = this.#images.get(server);
    agenda.after(0, () => {
      server.isBack = true;
      if (image !== undefined && this.#random.chance(0.3)) {
        this.counts.oldImages++;
        server.restored = true;
        server.disk.restore(image);
      }
      this.#world.start(server, false);
    });
  }
}
