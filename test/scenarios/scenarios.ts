/** `bun test/scenarios/scenarios.ts --rewrite [NAME…]` writes what the scenarios show now into them. */
import { ScenarioFiles } from '../scenario-files.ts';
import { Runner } from './runner.ts';

export const SCENARIOS = new ScenarioFiles(import.meta.dir, () => new Runner());

if (import.meta.main) SCENARIOS.rewrite(process.argv.slice(2));
