/** DESIGN sections 2, 9 and 11: a majority is lost for good, under whatever goes wrong beside. */
import { expect, test } from 'bun:test';
import { simulatePool } from './report.ts';

const SOAK = process.env['LM_SOAK'] === '1';
const SEEDS = SOAK ? 300 : 20;
const TIMEOUT_MS = 240_000;

test(
  'a pool that is restarted from survivors keeps its promises',
  () => {
    const runs = Array.from(
      { length: SEEDS },
      (_, at) => simulatePool(at + 1, null, 'lost').counts,
    );
    for (const what of ['recoveries', 'leftBehind']) {
      const reached = runs.reduce((sum, counts) => sum + (counts[what] ?? 0), 0);
      expect(reached, what).toBeGreaterThan(0);
    }
  },
  TIMEOUT_MS,
);
