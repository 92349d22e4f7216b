/**
 * Runs simulations of pools whose servers come and go, from the command line.
 *
 *   bun test/simulation/pool/simulate-members.ts [--seed N | --from N] [--seeds N | --minutes M]
 *     [--trace]
 */
import { runCommand } from '../command.ts';
import { simulatePool } from '../report.ts';

runCommand((seed, log) => simulatePool(seed, log, true));
