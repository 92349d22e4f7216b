import type { Write } from '../../src/engine/io/store.ts';

const KEYS = 4_000;

/** Up to `most` writes as they come in life: mostly short values, some long ones, some deletions. */
export function randomWrites(random: () => number, most: number): Write[] {
  return Array.from({ length: 1 + Math.floor(random() * most) }, () => {
    const key = Buffer.alloc(9, 'k');
    key.writeUInt32BE((Math.floor(random() * KEYS) * 1_000_003) >>> 0, 1);
    const longest = random() < 0.03 ? 20_000 : 150;
    const value = random() < 0.45 ? null : Buffer.alloc(Math.floor(random() * longest), 7);
    return { key, value };
  });
}
