/** Simulations that are about claims (DESIGN section 7). */
import type { NetworkOptions } from '../options.ts';
import type { Random } from '../random.ts';
import { HEALTHY, LIFETIME_MS_MIN, NEVER } from './calm.ts';
import type { PoolOptions } from './options.ts';

/** What a client said may come when much has happened since. */
const LATE: NetworkOptions = { latencyMs: 5, slow: 0.1, slowMs: 4_000, loss: 0, duplicate: 0.1 };

/** Until a server is fenced, or back, and until its seats are opened. */
const SITE_SPANS_MS = [4_200, 5_000, 8_000, 31_000, 34_000, 50_000];

/** Share of those in which claims are held up. */
const HELD_UP = 0.5;

export function drawClaims(tight: PoolOptions, random: Random): PoolOptions {
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  const late = random.chance(0.6);
  const drawn: PoolOptions = {
    ...tight,
    mode: 'claims',
    servers: 3,
    durationMs: random.integer(120, 200) * 1_000,
    licenses: {
      ...tight.licenses,
      limit: { min: 3, max: random.pick([4, 6]) },
      lifetimesMs: random.chance(0.5) ? [LIFETIME_MS_MIN] : [LIFETIME_MS_MIN, 45_000],
    },
    network: random.chance(0.5) ? HEALTHY : LATE,
    ordered: !late,
    peers: {
      ...HEALTHY,
      latencyMs: random.pick([2, 40, 150]),
      slow: late ? random.pick([0.1, 0.3]) : 0,
      slowMs: random.pick([600, 3_000]),
    },
    clients: {
      ...tight.clients,
      count: random.integer(5, 8),
      thinkMs: 500,
      useMs: random.pick([4_000, 60_000, 200_000]),
      patient: 0.9,
      patienceMs: 60_000,
      silent: random.pick([0, 0.3]),
      hasty: random.pick([0, 0.5, 0.9]),
      beats: random.pick([0.1, 0.3]),
    },
    faults: {
      ...NEVER,
      siteMs: random.between(5_000, 15_000),
      aloneMs: maybe(0.7, 3_000, 12_000),
      killMs: maybe(0.5, 5_000, 30_000),
      pushMs: maybe(0.5, 5_000, 15_000),
      evictMs: maybe(0.2, 4_000, 20_000),
      rotateMs: maybe(0.3, 10_000, 40_000),
      claimVultures: random.pick([0, 0.2]),
      spares: true,
      partedMs: random.chance(0.5) ? SITE_SPANS_MS : [random.pick(SITE_SPANS_MS)],
      downMs: random.pick([300, 3_000, 31_000]),
    },
  };
  return random.chance(HELD_UP) ? drawHeldUp(drawn, random) : drawn;
}

/**
 * What clients said, and what was proposed for them, comes after the next fence or return, while
 * they go from server to server and give seats back that others wait for.
 */
export function drawHeldUp(claims: PoolOptions, random: Random): PoolOptions {
  const maybe = (share: number, min: number, max: number) =>
    random.chance(share) ? random.between(min, max) : null;
  // Those who propose die, and miss what came of it; or what they propose comes late.
  const dies = random.chance(0.35);
  return {
    ...claims,
    mode: 'held-up',
    servers: random.pick([3, 3, 5]),
    licenses: { ...claims.licenses, limit: { min: 3, max: random.pick([3, 7]) }, seatsMax: 1 },
    network: HEALTHY,
    ordered: false,
    peers: { ...HEALTHY, latencyMs: random.pick([2, 40]) },
    clients: {
      ...claims.clients,
      count: random.integer(6, 9),
      useMs: random.pick([3_000, 10_000, 30_000]),
      holds: 0,
      hasty: random.pick([0.3, 0.9]),
      hasteMs: random.pick([200, 3_000]),
      replyMs: random.pick([700, 2_000]),
      mute: dies ? 0.6 : random.pick([0, 0.3]),
      restless: random.pick([0.1, 0.5]),
      hangsUp: 0.3,
      strays: random.pick([0.05, 0.3]),
    },
    faults: {
      ...claims.faults,
      siteMs: maybe(0.5, 5_000, 15_000),
      aloneMs: random.between(3_000, 10_000),
      pushMs: null,
      claimVultures: dies ? 0.7 : 0,
      heldClaims: dies ? 0 : random.pick([0.5, 0.9]),
      partedMs: [4_200, 5_000, 8_000],
      downMs: random.pick(dies ? [3_000, 8_000, 12_000] : [300, 3_000, 6_000]),
    },
  };
}
