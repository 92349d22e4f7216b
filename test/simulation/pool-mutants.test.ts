/**
 * DESIGN section 12: defects of a pool, planted one at a time, that its simulator must find. Those
 * that few simulations find are looked for with LM_SOAK=1.
 */
import { describe, expect, test } from 'bun:test';
import { CLAIMS_MUTANTS, RARE_CLAIMS_MUTANTS } from './claims-mutants.ts';
import { COMMUTER_MUTANTS, RARE_COMMUTER_MUTANTS } from './commuter-mutants.ts';
import { poolCopyWith } from './copy.ts';
import { found } from './mutant.ts';
import { POOL_MUTANTS, RARE_POOL_MUTANTS } from './pool-mutants.ts';

const SOAK = process.env['LM_SOAK'] === '1';
const USUAL = [...POOL_MUTANTS, ...COMMUTER_MUTANTS, ...CLAIMS_MUTANTS];
const RARE = [...RARE_POOL_MUTANTS, ...RARE_COMMUTER_MUTANTS, ...RARE_CLAIMS_MUTANTS];
const TIMEOUT_MS = 300_000;

describe('the simulator of pools finds that', () => {
  for (const one of SOAK ? [...USUAL, ...RARE] : USUAL) {
    test(one.name, async () => expect(await found(poolCopyWith, one)).not.toBeNull(), TIMEOUT_MS);
  }
});

test(
  'a copy of a pool without a change is found nothing wrong with',
  async () => {
    expect(await found(poolCopyWith, { patches: [], seedsMax: 3 })).toBeNull();
  },
  TIMEOUT_MS,
);
