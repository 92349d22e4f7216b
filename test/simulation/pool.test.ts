/** DESIGN section 11: the promise, under whatever goes wrong in a pool of 1 to 7 servers. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Copy, poolCopyWith, SMALL_LIMITS } from './copy.ts';
import { runPoolWorld, simulatePool } from './pool/report.ts';
import type { PoolResult, PoolWorld } from './pool/world.ts';

const SOAK = process.env['LM_SOAK'] === '1';
/** How long new seeds are tried, in milliseconds, with usual limits and with small ones. */
const NEW_SEEDS_MS = SOAK ? 60_000 : 5_000;
const TIMEOUT_MS = 4 * NEW_SEEDS_MS + 120_000;

/** Seeds that, together, reach all that can happen. */
const SEEDS = Array.from({ length: 12 }, (_, at) => at + 13);

/** Seeds that nobody tried before, for so long. */
function newSeeds(run: (seed: number) => PoolResult): number {
  const end = Date.now() + NEW_SEEDS_MS;
  let tried = 0;
  for (let seed = Date.now(); Date.now() < end; seed++, tried++) run(seed);
  return tried;
}

describe('a pool', () => {
  test(
    'keeps its promises in simulations that are tried each time, and they reach what can happen',
    () => {
      const reached = new Map<string, number>();
      for (const seed of SEEDS) {
        for (const [what, count] of Object.entries(simulatePool(seed).counts)) {
          reached.set(what, (reached.get(what) ?? 0) + count);
        }
      }
      for (const [what, count] of reached) expect(count, what).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'keeps its promises in new simulations',
    () => {
      expect(newSeeds((seed) => simulatePool(seed))).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test(
    'does the same again for the same seed, and something else for another',
    () => {
      const traces = [3, 3, 5].map((seed) => simulatePool(seed).trace);
      expect(traces[0]).toBe(traces[1] ?? '');
      expect(traces[0]).not.toBe(traces[2] ?? '');
    },
    TIMEOUT_MS,
  );
});

describe('a pool with limits so small that they are reached', () => {
  let copy: Copy<PoolWorld>;
  beforeAll(async () => {
    copy = await poolCopyWith(SMALL_LIMITS);
  });
  afterAll(() => copy.remove());

  test(
    'keeps them too',
    () => {
      for (const seed of SEEDS) runPoolWorld(copy.world(seed));
    },
    TIMEOUT_MS,
  );

  test(
    'in new simulations',
    () => {
      expect(newSeeds((seed) => runPoolWorld(copy.world(seed)))).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
