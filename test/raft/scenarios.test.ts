import { describe, expect, test } from 'bun:test';
import { SCENARIOS } from './scenarios.ts';

describe('Raft scenarios', () => {
  for (const name of SCENARIOS.names) {
    test(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const text = SCENARIOS.read(name);
      expect(SCENARIOS.run(text)).toBe(text);
    });
  }
});
