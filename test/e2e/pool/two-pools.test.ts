/** Two pools on one network: an RLF with an address of the other pool brings nobody together. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { PoolSite } from './pool-site.ts';

const LICENSE = { application: 'App', limit: 30 };

const west = new PoolSite('west');
const east = new PoolSite('east');

beforeAll(async () => {
  await west.layOut(3, [LICENSE]);
  await west.startAll();
});
afterAll(async () => {
  await east.close();
  await west.close();
});

test('a server that the RLF looks for in another pool is refused, and both pools serve', async () => {
  const { leader, term } = await west.serves();
  const held = await west.connect().request({ application: 'App' });
  const { port } = west.place('A');
  await east.layOut(3, [LICENSE], new Map([['C', port]]));
  await Promise.all(east.names.map((name) => east.start(name, { reachable: name !== 'C' })));
  const [a, b] = ['A', 'B'].map((name) => east.server(name));
  for (const server of [a, b]) {
    const line = await server?.logged('no agreement on a link');
    expect(line).toMatchObject({ level: 'warn', who: `C 127.0.0.1:${port}`, code: 'untrusted' });
  }
  await east.when(
    ({ majority, rlf, servers }) =>
      majority && rlf.sequence === 2 && servers.filter(({ state }) => state === 'up').length === 2,
    'A and B of the east serve',
  );
  const seat = await east.connect().request({ application: 'App' });
  expect([seat.pool, seat.valid]).toEqual(['east', true]);
  const after = await west.serves();
  expect({ leader: after.leader, term: after.term }).toEqual({ leader, term });
  expect([held.pool, held.valid]).toEqual(['west', true]);
  // The east serves on when its third server has tried to join for a while.
  const before = await east.status();
  await east.server('C').logged('linked to a server');
  const seats = await Promise.all(
    [1, 2, 3].map(() => east.connect().request({ application: 'App' })),
  );
  expect(seats.every(({ valid }) => valid)).toBe(true);
  expect((await east.when(({ majority }) => majority, 'the east serves')).term).toBe(
    before?.term ?? 0,
  );
});
