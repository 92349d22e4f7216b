/** When a push is over: seen from the statuses that the servers give while it waits. */
import { expect, test } from 'bun:test';
import { rollOut } from '../../src/commands/shared/rollout.ts';
import type { LicenseClient } from '../../src/net/client/license-client.ts';
import { makeRlf } from '../engine/sample-rlf.ts';

const rlf = makeRlf({ sequence: 3, servers: ['A', 'B'] });

type Seen = readonly [name: string, state: string, rlfSequence: number | null];

/** Follows a push through these statuses, one after the other, of a pool that needs so many. */
function follow(needed: number, ...statuses: readonly (readonly Seen[])[]) {
  const left = [...statuses];
  const client = {
    push: async () => ({ inForce: false }),
    status: async () => {
      const seen = left.shift() ?? [];
      const servers = seen.map(([name, state, rlfSequence]) => ({ name, state, rlfSequence }));
      return [{ servers, majorityRule: { needed } }];
    },
  };
  const { signal } = new AbortController();
  const options = { waitMs: 10_000, isPatient: true, signal, onProgress: () => {} };
  return rollOut(client as unknown as LicenseClient, rlf, options);
}

test('it waits for every server that is up, and not for one that is not', async () => {
  const { already, servers } = await follow(
    2,
    [
      ['A', 'up', 3],
      ['B', 'up', 2],
      ['C', 'down', 2],
    ],
    [
      ['A', 'up', 3],
      ['B', 'up', 3],
      ['C', 'down', 2],
    ],
  );
  expect(already).toBe(false);
  expect(servers.map(({ rlfSequence }) => rlfSequence)).toEqual([3, 3, 2]);
});

test('after a restart of the pool nobody is up yet: a majority has to have it', async () => {
  const { servers } = await follow(
    2,
    [
      ['A', 'fenced', 2],
      ['B', 'fenced', 3],
      ['C', 'fenced', null],
    ],
    [
      ['A', 'fenced', 3],
      ['B', 'fenced', 3],
      ['C', 'fenced', null],
    ],
  );
  expect(servers.map(({ rlfSequence }) => rlfSequence)).toEqual([3, 3, null]);
});
