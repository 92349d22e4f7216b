/**
 * Runs simulations from the command line, until something is found.
 *
 *   bun test/simulation/simulate.ts [--seed N | --from N] [--seeds N | --minutes M] [--trace]
 */
import { runCommand } from './command.ts';
import { simulate } from './report.ts';

runCommand(simulate);
