/** Runs one simulation, and says of one that found something how to see it again. */
import { SimulationFailure } from './failure.ts';
import type { Options } from './options.ts';
import type { PoolOptions } from './pool/options.ts';
import { type Result, World } from './world.ts';

/** @throws SimulationFailure with what was found, the options drawn, and how to replay it. */
export function simulate(seed: number, log: ((line: string) => void) | null = null): Result {
  return runWorld(new World(seed, log));
}

export function runWorld(world: World): Result {
  try {
    return world.run();
  } catch (error) {
    throw new SimulationFailure(
      [
        `seed ${world.seed} at ${(world.agenda.now / 1_000).toFixed(3)} s: ${story(error)}`,
        `with ${optionWords(world.options)}`,
        `replay: bun test/simulation/simulate.ts --seed ${world.seed} --trace`,
      ].join('\n'),
    );
  }
}

/** `clients.count 5, clients.thinkMs 500, …`. */
export function optionWords(options: Options | PoolOptions): string {
  const groups = Object.entries(options).map(([group, value]) => {
    if (typeof value !== 'object') return `${group} ${value}`;
    const fields = Object.entries(value as Record<string, unknown>);
    return fields.map(([name, field]) => `${group}.${name} ${JSON.stringify(field)}`).join(', ');
  });
  return groups.join(', ');
}

/** A defect of the server comes with the place where it broke. */
export function story(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === 'SimulationFailure' ? error.message : (error.stack ?? error.message);
}
