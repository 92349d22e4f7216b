/** DESIGN section 11: the promise, under whatever goes wrong at one server and its clients. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Copy, copyWith, SMALL_LIMITS } from './copy.ts';
import { runWorld, simulate } from './report.ts';
import type { Result, World } from './world.ts';

const SOAK = process.env['LM_SOAK'] === '1';
/** How long new seeds are tried, in milliseconds. */
const NEW_SEEDS_MS = SOAK ? 60_000 : 3_000;
const TIMEOUT_MS = 4 * NEW_SEEDS_MS + 60_000;

/** Seeds that once found something, or that reach what others do not. */
const SEEDS = [1, 2, 4, 6, 49, 279, 459, 521, 1_073, 1_165, 1_795_522_483_743];

/** Seeds that nobody tried before, for so long. */
function newSeeds(run: (seed: number) => Result): number {
  const end = Date.now() + NEW_SEEDS_MS;
  let tried = 0;
  for (let seed = Date.now(); Date.now() < end; seed++, tried++) run(seed);
  return tried;
}

describe('a server of a pool of one', () => {
  test(
    'keeps its promises in simulations that are tried each time, and they reach what can happen',
    () => {
      const reached = new Map<string, number>();
      for (const seed of SEEDS) {
        for (const [what, count] of Object.entries(simulate(seed).counts)) {
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
      expect(newSeeds((seed) => simulate(seed))).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  test('does the same again for the same seed, and something else for another', () => {
    const traces = [3, 3, 5].map((seed) => simulate(seed).trace);
    expect(traces[0]).toBe(traces[1] ?? '');
    expect(traces[0]).not.toBe(traces[2] ?? '');
  });
});

describe('with limits so small that they are reached', () => {
  let copy: Copy<World>;
  beforeAll(async () => {
    copy = await copyWith(SMALL_LIMITS);
  });
  afterAll(() => copy.remove());

  test('the same', () => {
    for (const seed of SEEDS) runWorld(copy.world(seed));
  });

  test(
    'in new simulations',
    () => {
      expect(newSeeds((seed) => runWorld(copy.world(seed)))).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
