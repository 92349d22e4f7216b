/** Runs one simulation, and says of one that found something how to see it again. */
import type { Agenda } from './agenda.ts';
import { SimulationFailure } from './failure.ts';
import type { Options } from './options.ts';
import type { PoolOptions } from './pool/options.ts';
import { type Membership, type PoolResult, PoolWorld } from './pool/world.ts';
import { type Result, World } from './world.ts';

type Log = ((line: string) => void) | null;

/** Of one server, or of a pool of several. */
interface Simulation<R> {
  readonly seed: number;
  readonly agenda: Agenda;
  readonly options: Options | PoolOptions;
  run(): R;
}

const COMMANDS: ReadonlyMap<Membership, string> = new Map<Membership, string>([
  [true, 'pool/simulate-members.ts'],
  ['lost', 'pool/simulate-recovery.ts'],
  ['versions', 'pool/simulate-upgrade.ts'],
]);

/** @throws SimulationFailure with what was found, the options drawn, and how to replay it. */
export function simulate(seed: number, log: Log = null): Result {
  return runWorld(new World(seed, log), 'simulate.ts');
}

/** The same, of a pool; `members`: whose servers come and go. */
export function simulatePool(
  seed: number,
  log: Log = null,
  members: Membership = false,
): PoolResult {
  const command = COMMANDS.get(members) ?? 'pool/simulate.ts';
  return runWorld(new PoolWorld(seed, log, members), command);
}

/** `command`: the one that replays it. */
export function runWorld<R>(world: Simulation<R>, command: string): R {
  try {
    return world.run();
  } catch (error) {
    throw new SimulationFailure(
      [
        `seed ${world.seed} at ${(world.agenda.now / 1_000).toFixed(3)} s: ${story(error)}`,
        `with ${optionWords(world.options)}`,
        `replay: bun test/simulation/${command} --seed ${world.seed} --trace`,
      ].join('\n'),
    );
  }
}

/** Seeds that nobody tried before, for so long; how many they were. */
export function tryNewSeeds(forMs: number, run: (seed: number) => unknown): number {
  const end = Date.now() + forMs;
  let tried = 0;
  for (let seed = Date.now(); Date.now() < end; seed++, tried++) run(seed);
  return tried;
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
