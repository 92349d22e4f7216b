/** DESIGN, its head: pools of 2 and 4 work, with a warning that says what they do not survive. */
import { expect, test } from 'bun:test';
import { ownPlace, warnOfSize } from '../../src/net/own-place.ts';
import { fingerprintOf, makeRlf } from '../engine/sample-rlf.ts';

const pool = (size: number) => {
  return makeRlf({ servers: Array.from({ length: size }, (_, at) => `S${at + 1}`) });
};

test('a server serves under an RLF of any size that names its key', () => {
  for (let size = 1; size <= 11; size++) {
    expect(ownPlace(pool(size).servers, fingerprintOf(size - 1)).name).toBe(`S${size}`);
    expect(() => ownPlace(pool(size).servers, fingerprintOf(size))).toThrow(
      'does not name the TLS key',
    );
  }
});

test('2 and 4 are warned of', () => {
  const warnings: string[] = [];
  for (let size = 1; size <= 11; size++) {
    warnOfSize(pool(size), (level, message) => warnings.push(`${level}: ${message}`));
  }
  expect(warnings).toEqual([
    'warn: a pool of 2 servers survives the loss of none; one of 3 survives the loss of one',
    'warn: a pool of 4 servers survives the loss of one, like one of 3; one of 5 survives the loss of two',
  ]);
});
