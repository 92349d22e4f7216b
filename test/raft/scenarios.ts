/** `bun test/raft/scenarios.ts --rewrite [NAME…]` writes what the scenarios show now into them. */
import { join } from 'node:path';
import { ScenarioFiles } from '../scenario-files.ts';
import { Runner } from './scenario/runner.ts';

export const SCENARIOS = new ScenarioFiles(join(import.meta.dir, 'scenarios'), () => new Runner());

if (import.meta.main) SCENARIOS.rewrite(process.argv.slice(2));
