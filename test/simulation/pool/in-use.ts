/**
 * A majority that is lost while all seats are in use (DESIGN section 9), most of them where no
 * survivor hears of them any more; those that are left know little of it, and are asked for seats
 * at once by everybody else.
 */
import { readRestart } from '../../../src/engine/ledger/epochs.ts';
import { sampleServer } from '../../engine/sample-rlf.ts';
import type { Random } from '../random.ts';
import { HEALTHY, NEVER, STEADY } from './calm.ts';
import type { PoolOptions } from './options.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** Time for what follows a recovery. */
export const MORE_MS = 90_000;
/** Until a server is fenced, and some time after its seats are opened: see below. */
const FENCED_MS = 6_000;
const OPENED_MS = 12_000;
/** Share of clients that reach no survivor. */
const CUT_OFF = [0.3, 0.6, 0.6];

/** What happens before the loss, by true time. */
export interface RecoveryPlan {
  /** Older disks, for those who come back later. */
  readonly imagesAt: number;
  readonly lossAt: number;
  /** For how long those that will be left, or a share of them, know little of the others. */
  readonly parted: { readonly at: number; readonly forMs: number; readonly share: number } | null;
}

export function optionsInUse(random: Random): PoolOptions {
  const drawn = draw(random);
  const { clients } = drawn;
  // A commuter that gets its seat when all is calm brings it back in time.
  const useMs = clients.commuters > 0 ? Math.min(clients.useMs, 30_000) : clients.useMs;
  return { ...drawn, clients: { ...clients, useMs } };
}

function draw(random: Random): PoolOptions {
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  return {
    mode: 'in-use',
    servers: random.pick([3, 5, 5, 7]),
    durationMs: random.integer(190, 240) * 1_000,
    clocks: 'adverse',
    licenses: {
      applications: 1,
      versions: false,
      limit: { min: 3, max: random.pick([4, 8]) },
      seatsMax: 2,
      lifetimesMs: random.pick([[45_000], [60_000], [26_000, 60_000]]),
      dates: false,
    },
    network: HEALTHY,
    ordered: true,
    peers: HEALTHY,
    clients: {
      count: random.integer(6, 9),
      thinkMs: 500,
      useMs: random.pick([30_000, 200_000]),
      patient: 0.9,
      patienceMs: 60_000,
      holds: random.pick([0, 0, 0.2]),
      silent: 0,
      commuters: random.pick([0, 0, 0.1]),
      ...STEADY,
      replyMs: 1_500,
      beats: 0.9,
    },
    server: { gatherMs: 0.1, flushMs: random.pick([0.3, 8]), stalls: 0, stallMs: 0 },
    faults: {
      ...NEVER,
      pushMs: maybe(0.6, 10_000, 40_000),
      evictMs: maybe(0.3, 10_000, 40_000),
      killMs: maybe(0.3, 20_000, 60_000),
      downMs: random.pick([300, 5_000]),
    },
  };
}

/**
 * Lent: the seats of those that will be left are opened before, and lent to the others. Shortened:
 * keys live that were granted with a longer lifetime than there is now. Early: one server was down
 * for so long that its seats are opened, as all know.
 */
type Kind = 'lent' | 'shortened' | 'early';
const ONE_LIFETIME: readonly Kind[] = ['lent', 'lent', 'lent', 'early'];
const TWO_LIFETIMES: readonly Kind[] = ['lent', 'shortened', 'shortened', 'early'];
const BACK_MS = 3_000;
const DRAWS_MAX = 8;
/** How often it is looked whether all that are left take part, and until when. */
const LOOK_MS = 200;
const LOOKS_MAX = 300;
const HELD_MS = 20_000;

export class InUse {
  readonly #world: PoolWorld;
  readonly #random: Random;
  readonly #lossAt: number;
  readonly #kind: Kind;
  #plan: RecoveryPlan | null = null;

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#lossAt = (world.options.durationMs - MORE_MS) * random.between(0.8, 1);
    const isOne = world.options.licenses.lifetimesMs.length === 1;
    this.#kind = random.pick(isOne ? ONE_LIFETIME : TWO_LIFETIMES);
  }

  plan(): RecoveryPlan {
    const random = this.#random;
    const lossAt = this.#lossAt;
    const imagesAt = lossAt * random.between(0.3, 1);
    const isOpened = this.#longestMs + OPENED_MS;
    const isBrief = this.#kind === 'early' || (this.#kind === 'lent' && random.chance(0.2));
    const before = Math.min(lossAt - 10_000, isBrief ? FENCED_MS : isOpened);
    // Or some of them were back for a moment.
    const isBack = random.chance(this.#kind === 'shortened' ? 0.7 : 0.1);
    const share = random.pick([1, 1, 1, 0.5]);
    const parted = { at: lossAt - before, forMs: before - (isBack ? BACK_MS : 0), share };
    this.#plan = { imagesAt, lossAt, parted: random.chance(0.9) ? parted : null };
    return this.#plan;
  }

  start(): void {
    const { agenda, clients, options } = this.#world;
    const random = this.#random;
    const { parted = null } = this.#plan ?? {};
    if (this.#kind === 'early') agenda.after(5_000, () => this.#loseEarly());
    if (this.#kind === 'shortened') {
      const at = (parted?.at ?? this.#lossAt) - random.between(2_000, 9_000);
      agenda.after(Math.min(2_000, at / 2), () => this.#push(this.#longestMs));
      agenda.after(at, () => this.#push(Math.min(...options.licenses.lifetimesMs)));
    }
    // Those that will be left have free seats then, and go on to believe so.
    if (this.#kind === 'lent' && parted !== null) {
      for (const client of clients) client.vanish(parted.at + random.between(0, 5_000));
    }
    if (random.chance(0.5)) {
      agenda.after(this.#lossAt * random.between(0.3, 0.7), () => this.#offerEarly());
    }
  }

  /** Some clients see no survivor before their seats are over. */
  lost(survivors: readonly PoolServer[]): void {
    const share = this.#random.pick(CUT_OFF);
    const { clients, recovery } = this.#world;
    for (const { paths, name } of clients) {
      if (!this.#random.chance(share)) continue;
      this.#world.trace(() => `${name} reaches no survivor`);
      if (recovery !== null) recovery.counts.cutOff++;
      for (const { place } of survivors) {
        paths[place]?.cut('up', 1.1 * this.#longestMs);
        paths[place]?.cut('down', 1.1 * this.#longestMs);
      }
    }
    // One that was down since long is let go, and may be one of them.
    for (const server of survivors) this.#world.start(server, false);
  }

  /**
   * Once all of those that are left take part, as their disks have it, any minority of before may be
   * there; and it takes a while until the last of them is.
   */
  await(survivors: readonly PoolServer[], epoch: number, comeBack: () => void): void {
    if (this.#random.chance(0.4)) return;
    let looks = 0;
    const look = () => {
      if (this.#world.faults.stopped || ++looks > LOOKS_MAX) return;
      if (!survivors.every(({ disk }) => readRestart(disk)?.epoch === epoch)) {
        this.#world.agenda.after(LOOK_MS, look);
        return;
      }
      if (survivors.length > 1) this.#hold(this.#random.pick(survivors));
      for (let n = 0; n < survivors.length; n++) this.#world.agenda.after(10 * n, comeBack);
    };
    look();
  }

  #hold(server: PoolServer): void {
    server.held = true;
    this.#world.kill(server, false);
    this.#world.agenda.after(HELD_MS, () => {
      server.held = false;
      this.#world.start(server, false);
    });
  }

  /** An RLF with that lifetime. */
  #push(lifetimeMs: number): void {
    const { rlfs, servers } = this.#world;
    const isWanted = () =>
      rlfs.get(rlfs.newestSequence).licenses.every(({ code }) => code.keyLifetimeMs === lifetimeMs);
    for (let n = 0; n < DRAWS_MAX && !isWanted(); n++) rlfs.draw();
    this.#world.offer(this.#random.pick(servers), rlfs.newestSequence);
  }

  get #longestMs(): number {
    return Math.max(...this.#world.options.licenses.lifetimesMs);
  }

  /** It is down until the majority is lost: that it is fenced, and opened, is known by then. */
  #loseEarly(): void {
    const server = this.#random.pick(this.#world.servers);
    server.held = true;
    this.#world.kill(server, this.#random.chance(0.5));
  }

  /** An administrator takes a pool for lost that has a leader. */
  #offerEarly(): void {
    const { servers, rlfs, recovery } = this.#world;
    if (recovery === null || recovery.isUnderWay) return;
    const server = this.#random.pick(servers);
    const isLed = () => server.process !== null && server.process.core.leader !== null;
    server.host.later(0, () => {
      if (!isLed()) return;
      const rlf = rlfs.premature([sampleServer(server.name, server.place)]);
      this.#world.trace(() => `${server.name} is to restart the pool, which has a leader`);
      recovery.counts.premature++;
      server.offer(rlf);
    });
  }
}
