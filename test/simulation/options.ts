/** How a simulation is to go, drawn from its seed: who asks for what, and what goes wrong how often. */
import type { LicenseOptions } from './licenses.ts';
import type { Random } from './random.ts';

export interface NetworkOptions {
  readonly latencyMs: number;
  /** Share of messages that take much longer, and how much longer on average. */
  readonly slow: number;
  readonly slowMs: number;
  readonly loss: number;
  readonly duplicate: number;
}

export interface ClientOptions {
  readonly count: number;
  readonly thinkMs: number;
  readonly useMs: number;
  readonly patienceMs: number;
  readonly seatsMax: number;
  /** Share of requests that wait in the line; of those that ask for a hold. */
  readonly patient: number;
  readonly holds: number;
  /** Share of seats that are left to themselves, believed in to the end of their lifetime. */
  readonly silent: number;
}

/** Mean times between faults, in true milliseconds; null for never. */
export interface FaultOptions {
  readonly killMs: number | null;
  readonly powerMs: number | null;
  readonly suspendMs: number | null;
  readonly wallJumpMs: number | null;
  readonly pushMs: number | null;
  readonly cutMs: number | null;
  readonly vanishMs: number | null;
  /** Share of commits that fail. */
  readonly commitFailure: number;
  /** How long the server stays down. */
  readonly downMs: number;
}

export interface ServerOptions {
  /** How long messages gather before a turn, and a flush takes. */
  readonly gatherMs: number;
  readonly flushMs: number;
}

export interface Options {
  readonly durationMs: number;
  /** Rates of the clocks, within `CLOCK_DRIFT_MAX` of each other. */
  readonly rates: {
    readonly server: number;
    readonly clientMin: number;
    readonly clientMax: number;
  };
  readonly licenses: LicenseOptions;
  readonly network: NetworkOptions;
  readonly clients: ClientOptions;
  readonly server: ServerOptions;
  readonly faults: FaultOptions;
}

/** The slowest clock; the fastest is 1.01 times as fast. */
const SLOWEST = 0.995;
const FASTEST = SLOWEST * 1.01;
/** The least lifetime of a key, in whole seconds. */
const LIFETIME_MS_MIN = 26_000;

export function drawOptions(random: Random): Options {
  const durationMs = random.integer(3, 8) * 60_000;
  const seatsMax = random.integer(1, 8);
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  const adverse = random.chance(0.5);
  return {
    durationMs,
    rates: {
      server: adverse ? FASTEST : random.between(SLOWEST, FASTEST),
      clientMin: SLOWEST,
      clientMax: adverse ? SLOWEST : FASTEST,
    },
    licenses: {
      applications: random.integer(1, 3),
      versions: random.chance(0.3),
      seatsMax,
      dates: random.chance(0.5),
      lifetimeMs: { min: LIFETIME_MS_MIN, max: random.pick([LIFETIME_MS_MIN, 60_000, 90_000]) },
      durationMs,
    },
    network: {
      latencyMs: random.pick([1, 5, 40]),
      slow: random.pick([0, 0.02, 0.1]),
      slowMs: random.pick([1_000, 8_000]),
      loss: random.pick([0, 0.01, 0.1]),
      duplicate: random.pick([0, 0.02, 0.1]),
    },
    clients: {
      count: random.integer(2, 9),
      thinkMs: random.pick([500, 3_000]),
      useMs: random.pick([4_000, 20_000]),
      patienceMs: random.pick([5_000, 60_000]),
      seatsMax: Math.min(seatsMax, random.integer(1, 4)),
      patient: random.pick([0.3, 0.7, 1]),
      holds: random.pick([0, 0, 0.1]),
      silent: random.pick([0, 0.1, 0.3]),
    },
    server: { gatherMs: random.pick([0.1, 2, 50, 300]), flushMs: random.pick([0.3, 10]) },
    faults: {
      killMs: maybe(0.5, 20_000, 120_000),
      powerMs: maybe(0.3, 40_000, 200_000),
      suspendMs: maybe(0.3, 40_000, 200_000),
      wallJumpMs: maybe(0.4, 20_000, 100_000),
      pushMs: maybe(0.6, 20_000, 100_000),
      cutMs: maybe(0.5, 10_000, 60_000),
      vanishMs: maybe(0.5, 10_000, 60_000),
      commitFailure: random.pick([0, 0, 0.002, 0.02]),
      downMs: random.pick([300, 5_000, 40_000]),
    },
  };
}
