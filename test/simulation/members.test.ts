/** DESIGN sections 9 and 11: servers come and go at random moments, under whatever goes wrong. */
import { describe, expect, test } from 'bun:test';
import { type Patch, poolCopyWith, SMALL_LIMITS } from './copy.ts';
import { MEMBERS_MUTANTS, RARE_MEMBERS_MUTANTS } from './members-mutants.ts';
import { found } from './mutant.ts';
import { runWorld, simulatePool } from './report.ts';

const SOAK = process.env['LM_SOAK'] === '1';
/** How long new seeds are tried, in milliseconds. */
const NEW_SEEDS_MS = SOAK ? 60_000 : 5_000;
const TIMEOUT_MS = 4 * NEW_SEEDS_MS + 240_000;
/** Seeds that, together, reach all that can happen to members. */
const SEEDS = [1, 2, 3, 4, 5, 6, 8, 9];
const REACHED = [
  ...['memberChanges', 'departures', 'comebacks', 'snapshots', 'claimsByMove'],
  ...['rolledBack', 'jumps', 'wholeOutages'],
];

describe('a pool whose servers come and go', () => {
  test(
    'keeps its promises in simulations that are tried each time',
    () => {
      const runs = SEEDS.map((seed) => simulatePool(seed, null, true).counts);
      for (const what of REACHED) {
        const reached = runs.reduce((sum, counts) => sum + (counts[what] ?? 0), 0);
        expect(reached, what).toBeGreaterThan(0);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'keeps them in new simulations, with usual limits and with small ones',
    async () => {
      const copy = await poolCopyWith(SMALL_LIMITS, true);
      const end = Date.now() + NEW_SEEDS_MS;
      try {
        for (let seed = Date.now(); Date.now() < end; seed++) {
          simulatePool(seed, null, true);
          runWorld(copy.world(seed), 'pool/simulate-members.ts');
        }
      } finally {
        copy.remove();
      }
    },
    TIMEOUT_MS,
  );
});

const withMembers = (patches: readonly Patch[]) => poolCopyWith(patches, true);

describe('the simulator of members finds that', () => {
  for (const one of SOAK ? [...MEMBERS_MUTANTS, ...RARE_MEMBERS_MUTANTS] : MEMBERS_MUTANTS) {
    test(one.name, async () => expect(await found(withMembers, one)).not.toBeNull(), TIMEOUT_MS);
  }
});
