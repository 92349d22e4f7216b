/** Simulations from the command line, until something is found. */
import { parseArgs } from 'node:util';
import { optionWords } from './report.ts';

type Options = Parameters<typeof optionWords>[0];

interface Simulated {
  readonly options: Options;
  readonly trace: string;
  readonly steps: number;
  readonly counts: Readonly<Record<string, number>>;
}

type Log = ((line: string) => void) | null;

/** `[--seed N | --from N] [--seeds N | --minutes M] [--trace]`; ends the process with 0 or 1. */
export function runCommand(simulate: (seed: number, log: Log) => Simulated): void {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      from: { type: 'string' },
      seeds: { type: 'string' },
      minutes: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  // Without any, seeds that nobody tried before.
  const first = Number(values.seed ?? values.from ?? Date.now());
  const until = values.minutes === undefined ? null : Date.now() + 60_000 * Number(values.minutes);
  const count = Number(values.seeds ?? (until === null ? 1 : Number.POSITIVE_INFINITY));
  const log = values.trace ? (line: string) => void process.stdout.write(line) : null;
  let done = 0;
  for (; done < count && (until === null || Date.now() < until); done++) {
    if (!tell(first + done, count === 1, () => simulate(first + done, log))) process.exit(1);
  }
  console.log(`${done} simulations, nothing found`);
}

function tell(seed: number, inFull: boolean, run: () => Simulated): boolean {
  const started = performance.now();
  try {
    const { steps, trace, counts, options } = run();
    const ms = Math.round(performance.now() - started);
    const words = Object.entries(counts).map(([name, value]) => `${name} ${value}`);
    console.log(`seed ${seed}: ${steps} steps in ${ms} ms, trace ${trace.slice(0, 12)}`);
    console.log(`  ${words.join(', ')}`);
    if (inFull) console.log(`  with ${optionWords(options)}`);
    return true;
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return false;
  }
}
