import { describe, expect, test } from 'bun:test';
import { SCENARIOS } from './scenarios.ts';

/** Those that reach compaction take long. */
const isSlow = (name: string) => name.startsWith('slow-') && process.env['LM_SOAK'] !== '1';

describe('scenarios of a pool', () => {
  for (const name of SCENARIOS.names) {
    test.skipIf(isSlow(name))(name.replace('.txt', '').replaceAll('-', ' '), () => {
      const text = SCENARIOS.read(name);
      expect(SCENARIOS.run(text)).toBe(text);
    });
  }
});
