/**
 * Servers of several versions in one pool, set forth and back at any moment, and the format raised
 * meanwhile, under whatever goes wrong (DESIGN section 11).
 */
import { describe, expect, test } from 'bun:test';
import { type Patch, poolCopyWith, SMALL_LIMITS } from './copy.ts';
import { found } from './mutant.ts';
import { runWorld, simulatePool, tryNewSeeds } from './report.ts';
import { UPGRADE_MUTANTS } from './upgrade-mutants.ts';

const SOAK = process.env['LM_SOAK'] === '1';
/** Together they reach all that matters to versions. */
const SEEDS = SOAK
  ? Array.from({ length: 300 }, (_, at) => at + 1)
  : [2, 4, 7, 9, 12, 17, 25, 26, 40];
/** How long new seeds are tried, in milliseconds. */
const NEW_SEEDS_MS = SOAK ? 60_000 : 3_000;
const TIMEOUT_MS = 4 * NEW_SEEDS_MS + 240_000;
const REACHED = [
  'setBack',
  'caughtUp',
  'raised',
  'outdated',
  'snapshots',
  'claimsByMove',
  'claimsByEnd',
];

const withVersions = (patches: readonly Patch[]) => poolCopyWith(patches, 'versions');

describe('a pool whose servers are of several versions', () => {
  test(
    'keeps its promises, and nobody applies what it does not understand',
    () => {
      const runs = SEEDS.map((seed) => simulatePool(seed, null, 'versions').counts);
      for (const what of REACHED) {
        const reached = runs.reduce((sum, counts) => sum + (counts[what] ?? 0), 0);
        expect(reached, what).toBeGreaterThan(0);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'does so in new simulations, with usual limits and with small ones',
    async () => {
      const copy = await withVersions(SMALL_LIMITS);
      try {
        const tried = tryNewSeeds(NEW_SEEDS_MS, (seed) => {
          simulatePool(seed, null, 'versions');
          runWorld(copy.world(seed), 'pool/simulate-upgrade.ts');
        });
        expect(tried).toBeGreaterThan(0);
      } finally {
        copy.remove();
      }
    },
    TIMEOUT_MS,
  );
});

describe('the simulator of upgrades finds that', () => {
  for (const one of UPGRADE_MUTANTS) {
    test(one.name, async () => expect(await found(withVersions, one)).not.toBeNull(), TIMEOUT_MS);
  }
});
