/**
 * A majority that is lost while all seats are in use (DESIGN section 9), most of them where no
 * survivor hears of them any more; those that are left know little of it, and are asked for seats
 * at once by everybody else.
 */
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

export class InUse {
  readonly #world: PoolWorld;
  readonly #random: Random;
  readonly #lossAt: number;
  #plan: RecoveryPlan | null = null;

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#lossAt = (world.options.durationMs - MORE_MS) * random.between(0.8, 1);
  }

  /** Mostly the seats of those that will be left are opened before, and lent to the others. */
  plan(): RecoveryPlan {
    const random = this.#random;
    const lossAt = this.#lossAt;
    const imagesAt = lossAt * random.between(0.3, 1);
    const isOpened = this.#longestMs + OPENED_MS;
    const before = Math.min(
      lossAt - 10_000,
      random.pick([FENCED_MS, isOpened, isOpened, isOpened]),
    );
    // Or some of them were back for a moment.
    const backMs = random.pick([0, 0, 0, 0, 3_000]);
    const share = random.pick([1, 1, 1, 0.5]);
    const parted = { at: lossAt - before, forMs: before - backMs, share };
    this.#plan = { imagesAt, lossAt, parted: random.chance(0.9) ? parted : null };
    return this.#plan;
  }

  start(): void {
    const { agenda, clients } = this.#world;
    const { parted = null } = this.#plan ?? {};
    // Those that will be left have free seats then, and go on to believe so.
    if (parted !== null && this.#random.chance(0.85)) {
      for (const client of clients) client.vanish(parted.at + this.#random.between(0, 5_000));
    }
    if (this.#random.chance(0.2)) agenda.after(5_000, () => this.#loseEarly());
    if (this.#random.chance(0.5)) {
      agenda.after(this.#lossAt * this.#random.between(0.3, 0.7), () => this.#offerEarly());
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

  /** Those that are left restart: once all of them take part, any minority of before may be there. */
  waits(survivors: readonly PoolServer[], epoch: number, comeBack: () => void): void {
    const isSure = ({ process }: PoolServer) =>
      process?.core.restart === 'under-way' || process?.core.state.epoch === epoch;
    if (survivors.every(isSure) && this.#random.chance(0.5)) comeBack();
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
