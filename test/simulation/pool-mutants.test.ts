/** DESIGN section 12: defects of a pool, planted one at a time, that its simulator must find. */
import { describe, expect, test } from 'bun:test';
import { COMMUTER_MUTANTS, RARE_COMMUTER_MUTANTS } from './commuter-mutants.ts';
import { poolCopyWith } from './copy.ts';
import type { Mutant } from './mutants.ts';
import { POOL_MUTANTS, RARE_POOL_MUTANTS } from './pool-mutants.ts';

const SOAK = process.env['LM_SOAK'] === '1';
/** A mutant that lives through so many simulations is not found. */
const SEEDS_MAX = 120;
const RARE_SEEDS_MAX = 200;

const USUAL = [...POOL_MUTANTS, ...COMMUTER_MUTANTS];
const RARE = [...RARE_POOL_MUTANTS, ...RARE_COMMUTER_MUTANTS];
const TIMEOUT_MS = 300_000;

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
  for (const one of USUAL) {
    test(one.name, async () => expect(await found(one, SEEDS_MAX)).not.toBeNull(), TIMEOUT_MS);
  }
  for (const one of SOAK ? RARE : []) {
    test(one.name, async () => expect(await found(one, RARE_SEEDS_MAX)).not.toBeNull(), TIMEOUT_MS);
  }
});

test('a copy of a pool without a change is found nothing wrong with', async () => {
  expect(await found({ patches: [] }, 3)).toBeNull();
});
