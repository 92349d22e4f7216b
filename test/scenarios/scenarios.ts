/** `bun test/scenarios/scenarios.ts --rewrite [NAME…]` writes what the scenarios show now into them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runScenario } from './runner.ts';

export const SCENARIOS = import.meta.dir;

export function scenarioNames(): string[] {
  return readdirSync(SCENARIOS)
    .filter((name) => name.endsWith('.txt'))
    .sort();
}

export function readScenario(name: string): string {
  return readFileSync(join(SCENARIOS, name), 'utf8');
}

if (import.meta.main) {
  const [flag, ...names] = process.argv.slice(2);
  if (flag !== '--rewrite')
    throw new Error('usage: bun test/scenarios/scenarios.ts --rewrite [NAME…]');
  for (const name of scenarioNames()) {
    if (names.length > 0 && !names.some((wanted) => name.includes(wanted))) continue;
    writeFileSync(join(SCENARIOS, name), runScenario(readScenario(name)));
  }
}
