/**
 * Runs simulations of pools whose servers are of several versions, from the command line.
 *
 *   bun test/simulation/pool/simulate-upgrade.ts [--seed N | --from N] [--seeds N | --minutes M]
 *     [--trace]
 */
import { runCommand } from '../command.ts';
import { simulatePool } from '../report.ts';

runCommand((seed, log) => simulatePool(seed, log, 'versions'));
