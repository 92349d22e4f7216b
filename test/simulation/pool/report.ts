/** Runs one simulation of a pool, and says of one that found something how to see it again. */
import { SimulationFailure } from '../failure.ts';
import { optionWords, story } from '../report.ts';
import { type PoolResult, PoolWorld } from './world.ts';

/** @throws SimulationFailure with what was found, the options drawn, and how to replay it. */
export function simulatePool(
  seed: number,
  log: ((line: string) => void) | null = null,
  members = false,
): PoolResult {
  return runPoolWorld(new PoolWorld(seed, log, members));
}

export function runPoolWorld(world: PoolWorld): PoolResult {
  try {
    return world.run();
  } catch (error) {
    const script = world.members === null ? 'simulate.ts' : 'simulate-members.ts';
    throw new SimulationFailure(
      [
        `seed ${world.seed} at ${(world.agenda.now / 1_000).toFixed(3)} s: ${story(error)}`,
        `with ${optionWords(world.options)}`,
        `replay: bun test/simulation/pool/${script} --seed ${world.seed} --trace`,
      ].join('\n'),
    );
  }
}
