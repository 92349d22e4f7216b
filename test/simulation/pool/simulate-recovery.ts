/**
 * Runs simulations of pools that lose a majority for good, from the command line.
 *
 *   bun test/simulation/pool/simulate-recovery.ts [--seed N | --from N] [--seeds N | --minutes M]
 *     [--trace]
 */
import { runCommand } from '../command.ts';
import { simulatePool } from '../report.ts';

runCommand((seed, log) => simulatePool(seed, log, 'lost'));
