/**
 * Runs simulations of pools of 1 to 7 servers from the command line, until something is found.
 *
 *   bun test/simulation/pool/simulate.ts [--seed N | --from N] [--seeds N | --minutes M] [--trace]
 */
import { runCommand } from '../command.ts';
import { simulatePool } from '../report.ts';

runCommand((seed, log) => simulatePool(seed, log));
