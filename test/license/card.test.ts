import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Card, makeCard, readCard } from '../../src/engine/license/card.ts';
import { readRlf } from '../../src/engine/license/rlf.ts';
import { ADMIN, failureOf, STRANGER, signedRlf } from './samples.ts';

const { pool, servers } = readRlf(signedRlf());
const TEXT = makeCard({ pool, servers, sequence: 3, epoch: 1 }, ADMIN);
const parsed = () => JSON.parse(TEXT) as Record<string, unknown> & { servers: object[] };

describe('pool cards (DESIGN section 9)', () => {
  test('are read as they were made, in any order of fields', () => {
    const card: Card = { pool, servers, sequence: 3, epoch: 1, admin: ADMIN.publicKey };
    expect(readCard(TEXT)).toEqual(card);
    const reversed = Object.fromEntries(Object.entries(parsed()).reverse());
    expect(readCard(JSON.stringify(reversed))).toEqual(card);
  });

  test('one changed character: refused, or the same card', () => {
    const good = readCard(TEXT);
    for (let i = 0; i < TEXT.length; i++) {
      const other = TEXT[i] === '1' ? '2' : '1';
      const text = `${TEXT.slice(0, i)}${TEXT[i] === ' ' ? '\t' : other}${TEXT.slice(i + 1)}`;
      try {
        expect(readCard(text)).toEqual(good);
      } catch {
        expect(failureOf(() => readCard(text)).code).toBe('bad-data');
      }
    }
  });

  test.each([
    ['pool', 'cad-west'],
    ['pool', 'a\u202eb'],
    ['admin', STRANGER.publicKey],
    ['sequence', 4],
    ['sequence', 0],
    ['sequence', '3'],
    ['epoch', 2],
    ['epoch', -1],
    ['servers', []],
    ['servers', {}],
    ['servers', servers.slice(1)],
    ['servers', [...servers].reverse()],
    ['servers', [...servers, ...servers]],
    ['servers', [{ ...servers[0], address: 'elsewhere:5930' }, ...servers.slice(1)]],
    ['servers', [{ ...servers[0], more: 1 }, ...servers.slice(1)]],
    ['signature', ''],
    ['signature', 'A'.repeat(86)],
    ['more', 1],
  ])('another %s: refused', (name, value) => {
    const text = JSON.stringify({ ...parsed(), [name]: value });
    expect(failureOf(() => readCard(text)).code).toBe('bad-data');
  });

  test('a card without one of its fields: refused by name', () => {
    for (const name of Object.keys(parsed())) {
      const text = JSON.stringify({ ...parsed(), [name]: undefined });
      expect(failureOf(() => readCard(text)).message).toContain(
        name === 'servers' ? 'no server' : name,
      );
    }
  });

  test('a card with twins among its servers is refused, well signed as it is', () => {
    const twins = [...servers, { ...servers[0], name: 'Z' }] as Card['servers'];
    const text = makeCard({ pool, servers: twins, sequence: 3, epoch: 1 }, ADMIN);
    expect(failureOf(() => readCard(text)).message).toContain('the same address');
  });

  test('any text and any JSON is refused without a defect', () => {
    const json = fc.json({ maxDepth: 6 });
    fc.assert(
      fc.property(fc.oneof(json, fc.string({ size: 'max', maxLength: 70_000 })), (text) => {
        expect(failureOf(() => readCard(text)).code).toBe('bad-data');
      }),
    );
    expect(failureOf(() => readCard('['.repeat(60_000))).code).toBe('bad-data');
    expect(failureOf(() => readCard(' '.repeat(70_000))).message).toContain('larger');
  });
});
