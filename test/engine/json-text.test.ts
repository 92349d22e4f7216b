import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { jsonText } from '../../src/engine/json-text.ts';
import { UNSAFE_CHARACTERS } from '../../src/engine/license/names.ts';

test('reads back the same, and holds nothing that could disturb a terminal', () => {
  const hostile = fc.string({
    unit: fc.constantFrom(...'\u001b\u009b\u202e\u2066\u2028\ufeff\r"\\é'),
  });
  const text = fc.oneof(fc.string({ unit: 'binary' }), hostile);
  fc.assert(
    fc.property(fc.dictionary(text, fc.array(text)), (value) => {
      const written = jsonText(value);
      expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(written.search(UNSAFE_CHARACTERS)).toBe(-1);
    }),
  );
});
