import { describe, expect, test } from 'bun:test';
import { Raft } from '../../src/engine/raft/raft.ts';
import { run } from './simulation/run.ts';

const TIMEOUT_MS = 240_000;
/** Each of these once failed, for a defect of Raft or of the simulator. */
const ONCE_FAILED = [1, 3, 7, 10, 14, 16, 222, 499296914, 499296970, 499297788, 499298477];
const NEW_SEEDS = 60;

function expectToHold(seed: number): void {
  const { violation } = run({ Raft }, seed);
  const replay = `bun test/raft/simulate.ts --seed ${seed} --trace`;
  expect(violation === null ? 'holds' : `${violation.message}\n${replay}`).toBe('holds');
}

describe('Raft under simulated faults', () => {
  test(
    'holds for seeds that once failed, and some more',
    () => {
      for (const seed of ONCE_FAILED) expectToHold(seed);
      for (let seed = 300; seed < 320; seed += 1) expectToHold(seed);
    },
    TIMEOUT_MS,
  );

  test(
    'holds for new seeds',
    () => {
      const from = Date.now() % 1_000_000_000;
      for (let seed = from; seed < from + NEW_SEEDS; seed += 1) expectToHold(seed);
    },
    TIMEOUT_MS,
  );

  test('repeats a seed to the last step', () => {
    const first = run({ Raft }, 12);
    const again = run({ Raft }, 12);
    expect(again.traceHash).toBe(first.traceHash);
    expect(again.steps).toBe(first.steps);
    expect(run({ Raft }, 13).traceHash).not.toBe(first.traceHash);
  });

  test(
    'meets what it is there for',
    () => {
      const wanted = ['restored', 'leader@', 'established', 'crashes', 'suspended', 'timeout-now'];
      wanted.push('configuration', 'transfer-failed', 'objected', 'refused', 'append-ack', ' no ');
      const met = new Set<string>();
      for (let seed = 1; seed <= 12; seed += 1) {
        run({ Raft }, seed, (line) => {
          for (const word of wanted) if (!met.has(word) && line.includes(word)) met.add(word);
        });
      }
      expect([...met].sort()).toEqual([...wanted].sort());
    },
    TIMEOUT_MS,
  );
});
