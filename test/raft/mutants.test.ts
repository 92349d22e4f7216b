import { describe, expect, test } from 'bun:test';
import { MUTANTS, withMutant } from './simulation/mutants.ts';
import { type RunResult, run } from './simulation/run.ts';

const TIMEOUT_MS = 120_000;

describe('Every mutant of Raft is found', () => {
  for (const mutant of MUTANTS) {
    const { name, from = 1, seedsMax } = mutant;
    test(
      `${name} (in at most ${seedsMax} seeds)`,
      async () => {
        const found = await withMutant(mutant, (build): RunResult | null => {
          for (let seed = from; seed < from + seedsMax; seed += 1) {
            const result = run(build, seed);
            if (result.violation !== null) return result;
          }
          return null;
        });
        expect(found).not.toBeNull();
      },
      TIMEOUT_MS,
    );
  }
});
