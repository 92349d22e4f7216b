/** DESIGN section 12: defects, planted one at a time, that the simulator must find. */
import { describe, expect, test } from 'bun:test';
import { copyWith, type Patch } from './copy.ts';
import { MUTANTS, PROMISE_ALONE } from './mutants.ts';

/** A mutant that lives through so many simulations is not found. */
const SEEDS_MAX = 100;
const TIMEOUT_MS = 120_000;

/** What the first simulation to find something says, or null. */
async function found(patches: readonly Patch[], seedsMax: number): Promise<string | null> {
  const copy = await copyWith(patches);
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

describe('the simulator finds that', () => {
  for (const { name, patches } of MUTANTS) {
    test(name, async () => expect(await found(patches, SEEDS_MAX)).not.toBeNull(), TIMEOUT_MS);
  }
});

describe('seats believed in, added up, are enough to find that', () => {
  for (const { name, patches } of PROMISE_ALONE) {
    test(
      name,
      async () =>
        expect(await found(patches, SEEDS_MAX)).toContain('seats believed in <= hard limit'),
      TIMEOUT_MS,
    );
  }
});

test('a copy without a change is found nothing wrong with', async () => {
  expect(await found([], 5)).toBeNull();
});

test('a change to a text that is not there is an error, not a mutant', async () => {
  const patch = { file: 'src/engine/core.ts', find: 'no such text', replace: '' };
  await expect(copyWith([patch])).rejects.toThrow('0 times');
});
