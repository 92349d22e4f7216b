/**
 * Runs simulations from the command line.
 *
 *   bun test/simulation/simulate.ts [--seed N | --from N] [--seeds N | --minutes M] [--trace]
 */
import { parseArgs } from 'node:util';
import type { Options } from './options.ts';
import { World } from './world.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

/** Without any, a seed that nobody tried before. */
const first = Number(values.seed ?? values.from ?? Date.now());
const end = values.minutes === undefined ? null : Date.now() + 60_000 * Number(values.minutes);
const count = values.seeds === undefined ? (end === null ? 1 : null) : Number(values.seeds);

let done = 0;
for (let seed = first; count === null || done < count; seed++, done++) {
  if (end !== null && Date.now() >= end) break;
  if (!simulate(seed)) process.exit(1);
}
console.log(`${done} simulations, nothing found`);

function simulate(seed: number): boolean {
  const log = values.trace ? (line: string) => process.stdout.write(line) : null;
  const started = performance.now();
  const world = new World(seed, log);
  try {
    const { steps, trace, counts } = world.run();
    const ms = Math.round(performance.now() - started);
    const facts = Object.entries(counts).map(([name, value]) => `${name} ${value}`);
    console.log(`seed ${seed}: ${steps} steps in ${ms} ms, trace ${trace.slice(0, 12)}`);
    console.log(`  ${facts.join(', ')}`);
    return true;
  } catch (error) {
    console.log(`seed ${seed} at ${world.agenda.now.toFixed(0)} ms: ${error}`);
    if (error instanceof Error && error.name !== 'SimulationFailure') console.log(error.stack);
    console.log(`  with ${words(world.options)}`);
    console.log(`replay: bun test/simulation/simulate.ts --seed ${seed} --trace`);
    return false;
  }
}

function words(options: Options): string {
  return JSON.stringify(options);
}
