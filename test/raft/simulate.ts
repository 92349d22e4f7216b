/** `bun test/raft/simulate.ts --seed N | --seeds N [--from N] | --minutes M [--trace]` */
import { parseArgs } from 'node:util';
import { Raft } from '../../src/engine/raft/raft.ts';
import { type RunResult, run } from './simulation/run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});

function report({ seed, options, violation, traceHash, ...counts }: RunResult): void {
  console.log(`seed ${seed}: ${violation?.message ?? 'ok'}`);
  console.log(`  options ${JSON.stringify(options)}`);
  console.log(`  trace ${traceHash.toString(16)} ${JSON.stringify(counts)}`);
  if (violation !== null) console.log(`  replay: bun test/raft/simulate.ts --seed ${seed} --trace`);
}

function simulateMany(from: number, count: number, endsAt: number): number {
  let failed = 0;
  let ran = 0;
  let steps = 0;
  for (let seed = from; ran < count && Date.now() < endsAt; seed += 1) {
    const result = run({ Raft }, seed);
    ran += 1;
    steps += result.steps;
    if (result.violation === null) continue;
    failed += 1;
    report(result);
  }
  console.log(`${ran} seeds from ${from}, ${steps} steps, ${failed} failed`);
  return failed;
}

function main(): number {
  if (values.seed !== undefined) {
    const print = values.trace ? (line: string): void => console.log(line) : null;
    const result = run({ Raft }, Number(values.seed), print);
    report(result);
    return result.violation === null ? 0 : 1;
  }
  if (values.minutes !== undefined) {
    const from = values.from === '1' ? Date.now() % 1_000_000_000 : Number(values.from);
    const endsAt = Date.now() + Number(values.minutes) * 60_000;
    return simulateMany(from, Number.POSITIVE_INFINITY, endsAt);
  }
  return simulateMany(Number(values.from), Number(values.seeds ?? '100'), Number.POSITIVE_INFINITY);
}

process.exitCode = main() === 0 ? 0 : 1;
