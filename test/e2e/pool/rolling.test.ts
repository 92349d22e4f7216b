/** All servers are restarted, one after the other, while the pool works. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { runSeed } from '../random.ts';
import { Crew } from './crew.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite, type PoolStatus } from './pool-site.ts';

const APPLICATION = 'App';
const HOLDERS = 30;
/** Enough on any two servers. */
const LIMIT = 6 * HOLDERS;

const site = new PoolSite();

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  await site.layOut(3, [{ application: APPLICATION, limit: LIMIT, terms }]);
  await site.startAll();
});
afterAll(() => site.close());

test('no application stops, and who waits is served', async () => {
  const seed = runSeed();
  console.log(`LM_SEED=${seed} bun test test/e2e/pool/rolling.test.ts`);
  const { record, seats, problems, holders } = new Crew(site, {
    ...{ count: HOLDERS, application: APPLICATION, limit: LIMIT, seed, waitMs: 60_000 },
    passing: NONE,
  });
  const running = holders.map((holder) => holder.run());
  try {
    for (const [round, name] of [...site.names, ...site.names].entries()) {
      const { term } = await site.serves();
      expect({ name, code: await site.stop(name) }).toEqual({ name, code: 0 });
      // One round of short restarts, and one in which the others take the seats over.
      if (round >= site.names.length)
        await site.when((status) => isFenced(status, name), 'a fence');
      await site.start(name);
      const back = await site.serves();
      expect(back.term).toBeGreaterThanOrEqual(term);
    }
  } finally {
    for (const holder of holders) holder.stop();
    await Promise.all(running);
  }
  expect(problems).toEqual([]);
  expect(record.sweep()).toEqual([]);
  expect(record.claims).toBeGreaterThan(0);
  const served = await Promise.all(holders.map((holder) => holder.served(10_000)));
  expect(served.length).toBe(HOLDERS);
  seats.close();
}, 240_000);

const NONE: ReadonlySet<string> = new Set();

function isFenced({ servers }: PoolStatus, name: string): boolean {
  return servers.some((server) => server.name === name && server.state === 'fenced');
}
