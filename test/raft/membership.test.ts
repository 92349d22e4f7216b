import { describe, expect, test } from 'bun:test';
import { changed, majority, reachedByMajority, tally } from '../../src/engine/raft/membership.ts';

function voters(...ids: string[]): { voters: string[]; learners: string[] } {
  return { voters: ids, learners: [] };
}

describe('Membership, dissertation §4.1', () => {
  test('any majority before a change and any after it have a server in common', () => {
    for (let count = 1; count < 12; count += 1) {
      const ids = Array.from({ length: count }, (_, place) => `${place}`);
      const before = { voters: ids, learners: ['new'] };
      for (const server of ['new', '0']) {
        const action = server === 'new' ? 'promote' : 'remove';
        const after = changed(before, { action, server });
        if (typeof after === 'string') continue;
        const all = new Set([...before.voters, ...after.voters]);
        expect(majority(before) + majority(after)).toBeGreaterThan(all.size);
      }
    }
    expect(changed(voters('A'), { action: 'remove', server: 'A' })).toBe('last-voter');
  });

  test('keeps both lists sorted and disjoint', () => {
    const learning = { voters: ['A', 'C'], learners: ['B', 'D'] };
    expect(changed(learning, { action: 'promote', server: 'B' })).toEqual({
      voters: ['A', 'B', 'C'],
      learners: ['D'],
    });
    expect(changed(learning, { action: 'remove', server: 'D' })).toEqual({
      voters: ['A', 'C'],
      learners: ['B'],
    });
  });

  test('learners count for nothing', () => {
    const configuration = { voters: ['A', 'B', 'C'], learners: ['D', 'E'] };
    const reached = new Map(Object.entries({ A: 5, B: 3, C: 2, D: 9, E: 9 }));
    expect(reachedByMajority(configuration, (id) => reached.get(id) ?? 0)).toBe(3);
    expect(tally(configuration, new Map([...'ADE'].map((id) => [id, true])))).toBe('pending');
  });

  test('an election is decided as soon as it can be', () => {
    const pool = voters('A', 'B', 'C', 'D');
    const votes = (granted: string, refused: string): Map<string, boolean> =>
      new Map([
        ...[...granted].map((id) => [id, true] as const),
        ...[...refused].map((id) => [id, false] as const),
      ]);
    expect(tally(pool, votes('ABC', ''))).toBe('won');
    expect(tally(pool, votes('AB', 'C'))).toBe('pending');
    expect(tally(pool, votes('A', 'CD'))).toBe('lost');
    expect(tally(voters(), votes('A', ''))).not.toBe('won');
  });
});
