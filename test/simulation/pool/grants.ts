/** The RLFs of a pool's simulation: small limits, odd distributions. */
import type { Rlf, RlfServer } from '../../../src/engine/license/types.ts';
import { makeRlf } from '../../engine/sample-rlf.ts';
import { WALL_START } from '../host.ts';
import { APPLICATIONS } from '../licenses.ts';
import type { Random } from '../random.ts';
import type { PoolOptions } from './options.ts';

type Distribution = Readonly<Record<string, number>>;

export interface PoolCode {
  readonly id: string;
  readonly application: string;
  readonly version: string;
  readonly limit: number;
  readonly lifetimeMs: number;
  /** Wall time, or null. */
  readonly begins: number | null;
  readonly ends: number | null;
  readonly commuterDays: number;
  readonly commuterShare: number;
  /** Seats by server; null for an even split. */
  readonly distribution: Distribution | null;
}

export interface PoolGrants {
  readonly sequence: number;
  readonly codes: readonly PoolCode[];
  /** Other servers than those of the founding. */
  readonly servers?: readonly RlfServer[];
  /** It restarts the pool in this epoch. */
  readonly recover?: number;
}

/** A, B, C, … */
export function namesOf({ servers }: PoolOptions): string[] {
  return Array.from({ length: servers }, (_, at) => String.fromCharCode(0x41 + at));
}

export function poolRlf(
  { sequence, codes, servers, recover }: PoolGrants,
  options: PoolOptions,
): Rlf {
  const samples = codes.map((code) => {
    const { id, application, version, limit, lifetimeMs, begins, ends, distribution } = code;
    const { commuterDays, commuterShare } = code;
    const terms = { keyLifetimeMs: lifetimeMs, commuterDays, commuterShare };
    const grant = { id, application, version, limit, ...terms };
    return { ...grant, notBefore: begins, expires: ends, distribution };
  });
  return makeRlf({ sequence, recover, servers: servers ?? namesOf(options), codes: samples });
}

export function drawPoolGrants(sequence: number, options: PoolOptions, random: Random): PoolGrants {
  const codes: PoolCode[] = [];
  const { applications, versions } = options.licenses;
  for (const application of APPLICATIONS.slice(0, applications)) {
    if (codes.length > 0 && random.chance(0.1)) continue;
    for (const version of versions && random.chance(0.5) ? ['1.0', '2.0'] : ['1.0']) {
      const count = random.chance(0.8) ? 1 : 2;
      for (let n = 0; n < count; n++) {
        const id = `${sequence}:${codes.length}`;
        codes.push(drawCode({ id, application, version }, options, random));
      }
    }
  }
  return { sequence, codes };
}

/** What every simulation ends with: a new version, of which every server has enough. */
export function finalPoolGrants(sequence: number, options: PoolOptions): PoolGrants {
  const { applications, seatsMax, lifetimesMs } = options.licenses;
  const codes = APPLICATIONS.slice(0, applications).map((application, at) => ({
    id: `${sequence}:${at}`,
    application,
    version: '9.0',
    limit: seatsMax * options.servers,
    lifetimeMs: Math.min(...lifetimesMs),
    begins: null,
    ends: null,
    commuterDays: 0,
    commuterShare: 0,
    distribution: null,
  }));
  return { sequence, codes };
}

/** The same licenses with another distribution. */
export function spread(
  codes: readonly PoolCode[],
  names: readonly string[],
  random: Random,
): PoolCode[] {
  return codes.map((code) => {
    return { ...code, distribution: drawDistribution(code.limit, names, random) };
  });
}

function drawCode(
  of: Pick<PoolCode, 'id' | 'application' | 'version'>,
  options: PoolOptions,
  random: Random,
): PoolCode {
  const { limit: range, lifetimesMs, dates } = options.licenses;
  const limit = random.integer(range.min, range.max);
  const dated = dates && random.chance(0.5);
  const second = () => wallSecond(random, options.durationMs);
  const begins = dated && random.chance(0.4) ? second() : null;
  const ends = dated && random.chance(0.7) ? second() : null;
  return {
    ...of,
    limit,
    lifetimeMs: random.pick(lifetimesMs),
    begins,
    ends: ends !== null && begins !== null && ends <= begins ? null : ends,
    commuterDays: random.pick([0, 2, 3]),
    commuterShare: random.pick([0.3, 0.7, 1]),
    distribution: drawDistribution(limit, namesOf(options), random),
  };
}

/** Even, all at one server, all in the free pool, or anything. */
function drawDistribution(
  limit: number,
  names: readonly string[],
  random: Random,
): Distribution | null {
  const kind = random.integer(0, 9);
  if (kind < 5) return null;
  if (kind === 5) return { [random.pick(names)]: limit };
  if (kind === 6) return { [random.pick(names)]: 0 };
  const seats = new Map(names.map((name) => [name, 0]));
  let left = random.chance(0.7) ? limit : random.integer(0, limit);
  for (; left > 0; left--) {
    const name = random.pick(names);
    seats.set(name, (seats.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(seats);
}

/** A date within the simulation, or shortly before it. */
function wallSecond(random: Random, durationMs: number): number {
  return 1_000 * Math.floor((WALL_START + random.between(-0.2, 1) * durationMs) / 1_000);
}
