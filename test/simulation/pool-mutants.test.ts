/** DESIGN section 12: defects of a pool, planted one at a time, that its simulator must find. */
import { describe, expect, test } from 'bun:test';
import { poolCopyWith } from './copy.ts';
import type { Mutant } from './mutants.ts';
import { POOL_MUTANTS } from './pool-mutants.ts';

/** A mutant that lives through so many simulations is not found. */
const SEEDS_MAX = 30;
const TIMEOUT_MS = 120_000;

/** Those of the list that are known to be found so soon; the others are still to be shown. */
const FOUND = new Set([
  'the window is half as long again',
  'the window counts from when an echo was heard',
  'a server that acked is fenced too early',
  'an echo is given to a server that is fenced',
  'the end of a key leaves out the drift of clocks',
]);

/** What the first simulation to find something says, or null. */
async function found({ patches }: Pick<Mutant, 'patches'>, seedsMax: number) {
  const copy = await poolCopyWith(patches);
  try {
    for (let seed = 1; seed <= seedsMax; seed++) {
      try {
        copy.world(seed).run();
      } catch (error) {
        return String(error);
      }
    }
    return null;
  } finally {
    copy.remove();
  }
}

describe('the simulator of pools finds that', () => {
  for (const one of POOL_MUTANTS.filter(({ name }) => FOUND.has(name))) {
    test(one.name, async () => expect(await found(one, SEEDS_MAX)).not.toBeNull(), TIMEOUT_MS);
  }
});

test('a copy of a pool without a change is found nothing wrong with', async () => {
  expect(await found({ patches: [] }, 3)).toBeNull();
});
