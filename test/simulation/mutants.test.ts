/** DESIGN section 12: defects, planted one at a time, that the simulator must find. */
import { describe, expect, test } from 'bun:test';
import { copyWith } from './copy.ts';
import { found } from './mutant.ts';
import { MUTANTS, PROMISE_ALONE } from './mutants.ts';

const TIMEOUT_MS = 120_000;

describe('the simulator finds that', () => {
  for (const one of MUTANTS) {
    test(one.name, async () => expect(await found(copyWith, one)).not.toBeNull(), TIMEOUT_MS);
  }
});

describe('seats believed in, added up, are enough to find that', () => {
  for (const one of PROMISE_ALONE) {
    test(
      one.name,
      async () => expect(await found(copyWith, one)).toContain('seats believed in <= hard limit'),
      TIMEOUT_MS,
    );
  }
});

test('a copy without a change is found nothing wrong with', async () => {
  expect(await found(copyWith, { patches: [], seedsMax: 5 })).toBeNull();
});

test('a change to a text that is not there is an error, not a mutant', async () => {
  const patch = { file: 'src/engine/core.ts', find: 'no such text', replace: '' };
  await expect(copyWith([patch])).rejects.toThrow('0 times');
});
