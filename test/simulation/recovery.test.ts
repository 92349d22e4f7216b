/** DESIGN sections 2, 9 and 11: a majority is lost for good, under whatever goes wrong beside. */
import { describe, expect, test } from 'bun:test';
import { poolCopyWith } from './copy.ts';
import { found } from './mutant.ts';
import { RECOVERY_MUTANTS } from './recovery-mutants.ts';
import { simulatePool } from './report.ts';

const SOAK = process.env['LM_SOAK'] === '1';
const SEEDS = SOAK ? 300 : 20;
const TIMEOUT_MS = 240_000;
const REACHED = [
  ...['recoveries', 'secondRecoveries', 'leftBehind', 'unnamed', 'oldImages', 'oldActs'],
  ...['recordsKept', 'commuted', 'taken', 'pushes', 'evictions'],
];

test(
  'a pool that is restarted from survivors keeps its promises',
  () => {
    const runs = Array.from(
      { length: SEEDS },
      (_, at) => simulatePool(at + 1, null, 'lost').counts,
    );
    for (const what of REACHED) {
      const reached = runs.reduce((sum, counts) => sum + (counts[what] ?? 0), 0);
      expect(reached, what).toBeGreaterThan(0);
    }
  },
  TIMEOUT_MS,
);

const lost = (patches: Parameters<typeof poolCopyWith>[0]) => poolCopyWith(patches, 'lost');

describe('the simulator of a lost majority finds that', () => {
  for (const one of RECOVERY_MUTANTS) {
    test(one.name, async () => expect(await found(lost, one)).not.toBeNull(), TIMEOUT_MS);
  }
});
