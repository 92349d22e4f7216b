/**
 * Runs simulations from the command line, until something is found.
 *
 *   bun test/simulation/simulate.ts [--seed N | --from N] [--seeds N | --minutes M] [--trace]
 */
import { parseArgs } from 'node:util';
import { optionWords, simulate } from './report.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

/** Without any, seeds that nobody tried before. */
const first = Number(values.seed ?? values.from ?? Date.now());
const until = values.minutes === undefined ? null : Date.now() + 60_000 * Number(values.minutes);
const count = Number(values.seeds ?? (until === null ? 1 : Number.POSITIVE_INFINITY));
const log = values.trace ? (line: string) => process.stdout.write(line) : null;

let done = 0;
for (; done < count && (until === null || Date.now() < until); done++) {
  if (!tell(first + done)) process.exit(1);
}
console.log(`${done} simulations, nothing found`);

function tell(seed: number): boolean {
  const started = performance.now();
  try {
    const { steps, trace, counts, options } = simulate(seed, log);
    const ms = Math.round(performance.now() - started);
    const words = Object.entries(counts).map(([name, value]) => `${name} ${value}`);
    console.log(`seed ${seed}: ${steps} steps in ${ms} ms, trace ${trace.slice(0, 12)}`);
    console.log(`  ${words.join(', ')}`);
    if (count === 1) console.log(`  with ${optionWords(options)}`);
    return true;
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return false;
  }
}
