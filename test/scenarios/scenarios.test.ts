import { describe, expect, test } from 'bun:test';
import { runScenario } from './runner.ts';
import { readScenario, scenarioNames } from './scenarios.ts';

describe('scenarios of a pool', () => {
  for (const name of scenarioNames()) {
    test(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const text = readScenario(name);
      expect(runScenario(text)).toBe(text);
    });
  }
});
