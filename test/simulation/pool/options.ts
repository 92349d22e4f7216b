/** How a simulation of a pool is to go, drawn from its seed. */
import type { NetworkOptions } from '../options.ts';
import type { Random } from '../random.ts';
import { HEALTHY, LIFETIME_MS_MIN, NEVER, STEADY } from './calm.ts';
import { drawClaims } from './claims-options.ts';

/**
 * Hostile: everything goes wrong. Tight: seats are scarce and lifetimes short, and faults last about
 * as long as windows, fences and lifetimes do, so that claims, returns and openings meet. Fail-over:
 * only a minority of the servers dies at a time, and then no client that keeps asking may lose a
 * seat. Queue: nothing goes wrong, and everybody waits. Claims: a server is lost together with the
 * clients that use it, for about as long as it takes to fence it or to open its seats, while others
 * wait for those seats; claims are late, and made at two servers at once. Held-up: claims and what
 * is proposed for them arrive after the next fence, or once the lost server is back. In-use: a
 * majority is lost for good while everybody uses seats (in-use.ts).
 */
export type Mode = 'hostile' | 'tight' | 'fail-over' | 'queue' | 'claims' | 'held-up' | 'in-use';

export interface PoolLicenseOptions {
  readonly applications: number;
  readonly versions: boolean;
  readonly limit: { readonly min: number; readonly max: number };
  /** Most seats of one request. */
  readonly seatsMax: number;
  readonly lifetimesMs: readonly number[];
  /** Whether codes begin and end while the simulation runs. */
  readonly dates: boolean;
}

export interface PoolClientOptions {
  readonly count: number;
  readonly thinkMs: number;
  readonly useMs: number;
  /** Share of requests that wait in a line, and how long. */
  readonly patient: number;
  readonly patienceMs: number;
  /** Share of requests for seats that are held without heartbeats. */
  readonly holds: number;
  /** Share of seats that are left to themselves. */
  readonly silent: number;
  /** After which share of a third of its lifetime a seat is renewed, at the least. */
  readonly beats: number;
  /** Share of seats that leave the network. */
  readonly commuters: number;
  /** Share of claims that are made at the next server, too, before they are answered. */
  readonly hasty: number;
  /** Within which time they are. */
  readonly hasteMs: number;
  /** Share of claims after which nothing more is said, though the seat is believed in. */
  readonly mute: number;
  /** Share of renewals after which a client goes on to the next server. */
  readonly restless: number;
  /** Share of connections of whose end a server hears. */
  readonly hangsUp: number;
  /** Share of heartbeats that, or copies of which, come after a server was fenced or is back. */
  readonly strays: number;
  /** After which a client takes a server that does not answer for lost. */
  readonly replyMs: number;
}

export interface PoolServerOptions {
  readonly gatherMs: number;
  readonly flushMs: number;
  /** Share of flushes that take much longer, and how long on average. */
  readonly stalls: number;
  readonly stallMs: number;
}

/** Mean times between faults, in true milliseconds; null for never. */
export interface PoolFaultOptions {
  readonly killMs: number | null;
  readonly loopMs: number | null;
  readonly powerMs: number | null;
  readonly suspendMs: number | null;
  readonly wallJumpMs: number | null;
  readonly restoreMs: number | null;
  readonly partitionMs: number | null;
  /** How long parts last: about one of these. */
  readonly partedMs: readonly number[];
  /** How often one server is parted from all others. */
  readonly aloneMs: number | null;
  /** How often a server and the clients that use it are parted from all others. */
  readonly siteMs: number | null;
  readonly resetMs: number | null;
  readonly cutMs: number | null;
  readonly vanishMs: number | null;
  readonly pushMs: number | null;
  /** An administrator has the secret of tickets rotated. */
  readonly rotateMs: number | null;
  readonly evictMs: number | null;
  readonly transferMs: number | null;
  readonly outageMs: number | null;
  /** All servers at a time, of a pool whose servers come and go. */
  readonly wholeMs?: number | null;
  /** How often a server dies right after it said what matters most. */
  readonly vultures: number;
  /** And how often one dies soon after it was asked to take on a seat. */
  readonly claimVultures: number;
  /** How often what it proposes then is held up, while the server that is lost comes back. */
  readonly heldClaims: number;
  /** Share of commits that fail. */
  readonly commitFailure: number;
  readonly downMs: number;
  /** Mostly one server at a time is lost, and leaders seldom. */
  readonly spares: boolean;
}

export interface PoolOptions {
  readonly mode: Mode;
  readonly servers: number;
  readonly durationMs: number;
  /** Clocks run as fast and as slow as is allowed, or anything between. */
  readonly clocks: 'adverse' | 'mixed';
  readonly licenses: PoolLicenseOptions;
  readonly network: NetworkOptions;
  readonly peers: NetworkOptions;
  /** Messages of one connection between servers keep their order, as TCP has it. */
  readonly ordered: boolean;
  readonly clients: PoolClientOptions;
  readonly server: PoolServerOptions;
  readonly faults: PoolFaultOptions;
}

/** The slowest clock; the fastest is 1.01 times as fast. */
export const SLOWEST = 0.995;
export const FASTEST = SLOWEST * 1.01;
const SERVERS = [1, 2, 3, 3, 3, 4, 5, 5, 7] as const;
const FAIL_OVER_SERVERS = [3, 3, 4, 5, 5, 7] as const;
const TIGHT_SERVERS = [3, 3, 3, 5] as const;
/** Share of simulations that are about claims. */
const CLAIMS = 0.15;
const MODES = ['tight', 'tight', 'tight', 'tight', 'hostile', 'hostile', 'hostile'] as const;

export function drawPoolOptions(random: Random): PoolOptions {
  const drawn = drawUsual(random);
  if (random.chance(CLAIMS)) return drawClaims(drawTight(random), random);
  return drawn.mode === 'queue' && random.chance(0.3) ? slow(drawn, random) : drawn;
}

function drawUsual(random: Random): PoolOptions {
  const mode = random.pick([...MODES, 'fail-over', 'queue', 'queue'] as const);
  if (mode === 'tight') return drawTight(random);
  if (mode === 'queue') return drawQueue(random);
  const calm = mode === 'fail-over';
  const seatsMax = random.integer(1, 3);
  return {
    mode,
    servers: random.pick(calm ? FAIL_OVER_SERVERS : SERVERS),
    durationMs: random.integer(90, 240) * 1_000,
    clocks: random.chance(0.5) ? 'adverse' : 'mixed',
    licenses: {
      applications: random.integer(1, 2),
      versions: random.chance(0.2),
      limit: { min: 3, max: random.integer(3, 12) },
      seatsMax,
      lifetimesMs: random.pick([[LIFETIME_MS_MIN], [LIFETIME_MS_MIN, 40_000], [30_000, 60_000]]),
      dates: !calm && random.chance(0.2),
    },
    network: calm ? HEALTHY : drawNetwork(random, [1, 5, 40]),
    ordered: calm || random.chance(0.6),
    peers: calm ? HEALTHY : drawNetwork(random, [0.3, 2, 20]),
    clients: {
      count: random.integer(4, 9),
      thinkMs: random.pick([500, 3_000]),
      useMs: calm ? 120_000 : random.pick([8_000, 60_000]),
      patient: random.pick([0, 0.2, 0.6]),
      patienceMs: random.pick([3_000, 20_000]),
      holds: random.pick(calm ? [0, 0.4] : [0, 0, 0.2]),
      beats: 0.9,
      silent: calm ? 0 : random.pick([0, 0.1, 0.3]),
      commuters: calm ? 0 : random.pick([0, 0.1, 0.3]),
      ...STEADY,
      replyMs: calm ? 2_000 : random.pick([1_500, 5_000]),
    },
    server: {
      gatherMs: random.pick([0.1, 2, calm ? 2 : 30]),
      flushMs: random.pick([0.3, 8]),
      stalls: calm ? 0 : random.pick([0, 0, 0.002]),
      stallMs: random.pick([500, 5_000]),
    },
    faults: calm ? drawOutages(random) : drawFaults(random),
  };
}

function drawNetwork(random: Random, latencies: readonly number[]): NetworkOptions {
  return {
    latencyMs: random.pick(latencies),
    slow: random.pick([0, 0.01, 0.05]),
    slowMs: random.pick([300, 4_000]),
    loss: random.pick([0, 0.01, 0.05]),
    duplicate: random.pick([0, 0.02, 0.05]),
  };
}

function drawFaults(random: Random): PoolFaultOptions {
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  return {
    killMs: maybe(0.6, 8_000, 60_000),
    loopMs: maybe(0.2, 40_000, 120_000),
    powerMs: maybe(0.3, 30_000, 120_000),
    suspendMs: maybe(0.4, 10_000, 80_000),
    wallJumpMs: maybe(0.3, 10_000, 60_000),
    restoreMs: maybe(0.3, 40_000, 120_000),
    partitionMs: maybe(0.6, 8_000, 50_000),
    partedMs: [random.pick([3_000, 15_000, 40_000])],
    aloneMs: null,
    siteMs: null,
    resetMs: maybe(0.4, 2_000, 20_000),
    cutMs: maybe(0.4, 8_000, 50_000),
    vanishMs: maybe(0.4, 10_000, 60_000),
    pushMs: maybe(0.5, 20_000, 80_000),
    evictMs: maybe(0.3, 10_000, 60_000),
    transferMs: maybe(0.3, 8_000, 60_000),
    outageMs: null,
    vultures: random.pick([0, 0, 0.05, 0.3]),
    claimVultures: 0,
    heldClaims: 0,
    commitFailure: random.pick([0, 0, 0.001, 0.005]),
    downMs: random.pick([300, 5_000, 40_000]),
    rotateMs: maybe(0.3, 20_000, 80_000),
    spares: false,
  };
}

function drawOutages(random: Random): PoolFaultOptions {
  const downMs = random.pick([300, 5_000, 30_000, 100_000]);
  const outageMs = random.between(3_000, 30_000);
  return { ...NEVER, outageMs, downMs, claimVultures: random.pick([0, 0.5]) };
}

/** Spans after which something just ended, or just did not: windows, fences, lifetimes. */
const SPANS_MS = [2_500, 3_800, 7_000, 12_000, 34_000];

function drawTight(random: Random): PoolOptions {
  const healthy = random.chance(0.5);
  return {
    mode: 'tight',
    servers: random.pick(TIGHT_SERVERS),
    durationMs: random.integer(80, 150) * 1_000,
    clocks: 'adverse',
    licenses: {
      applications: 1,
      versions: false,
      limit: { min: 2, max: random.pick([3, 6, 14]) },
      seatsMax: 2,
      lifetimesMs: random.chance(0.7) ? [LIFETIME_MS_MIN] : [LIFETIME_MS_MIN, 45_000],
      dates: false,
    },
    network: random.chance(0.5) ? HEALTHY : drawNetwork(random, [1, 5, 40]),
    ordered: healthy || random.chance(0.6),
    peers: healthy ? HEALTHY : drawNetwork(random, [0.3, 2, 20]),
    clients: {
      count: random.integer(3, 8),
      thinkMs: random.pick([500, 3_000]),
      useMs: random.pick([10_000, 60_000, 200_000]),
      patient: random.pick([0.1, 0.9]),
      patienceMs: random.pick([5_000, 40_000]),
      holds: random.pick([0, 0.15, 0.4]),
      silent: random.pick([0, 0.1, 0.5]),
      commuters: 0,
      ...STEADY,
      replyMs: random.pick([700, 1_500]),
      beats: random.pick([0.9, 0.1]),
    },
    server: {
      ...{ gatherMs: random.pick([0.1, 2]), flushMs: random.pick([0.3, 8]) },
      ...{ stalls: 0, stallMs: 0 },
    },
    faults: random.chance(0.5) ? drawFences(random) : drawLeaders(random),
  };
}

/** One server after the other is lost for a while, and most leaders live on. */
function drawFences(random: Random): PoolFaultOptions {
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  return {
    ...NEVER,
    spares: true,
    aloneMs: maybe(0.7, 3_000, 10_000),
    killMs: maybe(0.5, 3_000, 15_000),
    loopMs: maybe(0.2, 10_000, 60_000),
    suspendMs: maybe(0.2, 10_000, 40_000),
    cutMs: maybe(0.4, 5_000, 20_000),
    vanishMs: maybe(0.3, 5_000, 30_000),
    pushMs: maybe(0.4, 8_000, 40_000),
    evictMs: maybe(0.2, 4_000, 20_000),
    partedMs: random.pick([SPANS_MS, [3_800], [34_000], [34_000]]),
    downMs: random.pick([300, 34_000]),
  };
}

/** Leaders follow each other quickly. */
function drawLeaders(random: Random): PoolFaultOptions {
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  return {
    ...NEVER,
    killMs: maybe(0.5, 8_000, 30_000),
    partitionMs: maybe(0.7, 4_000, 15_000),
    aloneMs: maybe(0.5, 6_000, 30_000),
    resetMs: maybe(0.2, 2_000, 10_000),
    pushMs: maybe(0.3, 8_000, 40_000),
    transferMs: maybe(0.8, 1_500, 8_000),
    wallJumpMs: maybe(0.2, 5_000, 20_000),
    restoreMs: maybe(0.2, 10_000, 30_000),
    vultures: random.pick([0, 0, 0.1]),
    commitFailure: random.pick([0, 0, 0.002]),
    partedMs: SPANS_MS,
    downMs: random.pick([300, 2_000, 7_000]),
  };
}

function drawQueue(random: Random): PoolOptions {
  const tight = drawTight(random);
  return {
    ...tight,
    mode: 'queue',
    durationMs: random.integer(40, 70) * 1_000,
    licenses: { ...tight.licenses, limit: { min: 3, max: 6 }, seatsMax: 3 },
    ordered: true,
    peers: HEALTHY,
    clients: {
      ...tight.clients,
      useMs: random.pick([1_000, 8_000]),
      patient: 0.95,
      patienceMs: 60_000,
      silent: 0,
      holds: random.pick([0, 0.1]),
    },
    faults: {
      ...NEVER,
      pushMs: random.chance(0.3) ? random.between(8_000, 40_000) : null,
      evictMs: random.chance(0.3) ? random.between(4_000, 20_000) : null,
      transferMs: random.chance(0.3) ? random.between(15_000, 40_000) : null,
    },
  };
}

/** Little changes, so that only what is told to a new leader tells it who waits. */
function slow(queue: PoolOptions, random: Random): PoolOptions {
  const { clients, faults, licenses } = queue;
  return {
    ...queue,
    durationMs: random.integer(90, 150) * 1_000,
    licenses: { ...licenses, limit: { min: 3, max: 3 }, seatsMax: 2 },
    clients: { ...clients, count: random.integer(3, 5), useMs: random.pick([12_000, 30_000]) },
    faults: { ...faults, pushMs: null, transferMs: random.between(18_000, 30_000) },
  };
}

/** The rate of one more clock. */
export function drawRate({ clocks }: PoolOptions, random: Random): number {
  if (clocks === 'adverse') return random.pick([SLOWEST, FASTEST]);
  return random.between(SLOWEST, FASTEST);
}
