/** Servers come and go while the pool works (DESIGN section 9), until none of the first is left. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { runSeed } from '../random.ts';
import { Crew } from './crew.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite, type PoolStatus } from './pool-site.ts';

const SOAK = process.env['LM_SOAK'] === '1';
const APPLICATION = 'App';
const HOLDERS = SOAK ? 60 : 20;
const LIMIT = 8 * HOLDERS;
/** Servers that come, and those of all that are left in the end. */
const NEW = [...(SOAK ? 'DEFGHIJK' : 'DE')];
const LAST = NEW.slice(-2);
const BOUND_MS = SOAK ? 240_000 : 60_000;

const site = new PoolSite();

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  await site.layOut(3, [{ application: APPLICATION, limit: LIMIT, terms }]);
  await site.startAll();
});
afterAll(() => site.close());

test('no application stops while every server is replaced', async () => {
  const seed = runSeed();
  console.log(`LM_SEED=${seed} bun test test/e2e/pool/members.test.ts`);
  const { record, seats, problems, holders } = new Crew(site, {
    ...{ count: HOLDERS, application: APPLICATION, limit: LIMIT, seed, waitMs: BOUND_MS },
    // A server may be a moment behind the newest RLF that a client has seen, and is refused then.
    passing: new Set(['untrusted']),
  });
  const running = holders.map((holder) => holder.run());
  try {
    for (const name of NEW) await site.prepare(name);
    const all = [...'ABC', ...NEW];
    await site.list(all);
    // They bring the RLF that names them themselves.
    await Promise.all(NEW.map((name) => site.start(name)));
    await site.when((status) => isMade(status, all), 'all are in the pool', BOUND_MS);
    // All the others go, and one more comes, at once.
    await site.prepare('L');
    await site.list([...LAST, 'L']);
    await site.start('L');
    const gone = all.filter((name) => !LAST.includes(name));
    const codes = await Promise.all(gone.map((name) => site.left(name)));
    expect(codes).toEqual(gone.map(() => 0));
    await site.when((status) => isMade(status, [...LAST, 'L']), 'three are left', BOUND_MS);
  } finally {
    for (const holder of holders) holder.stop();
    await Promise.all(running);
  }
  expect(problems).toEqual([]);
  expect(record.sweep()).toEqual([]);
  expect(record.claims).toBeGreaterThan(0);
  const seat = await site.connect().request({ application: APPLICATION, waitMs: 10_000 });
  expect(await seat.release()).toBe(true);
  seats.close();
}, 900_000);

/** Exactly these are in the pool, and up. */
function isMade({ servers, majority }: PoolStatus, names: readonly string[]): boolean {
  const are = servers.map(({ name }) => name).sort();
  const isWell = servers.every(({ state, role }) => state === 'up' && role !== 'joining');
  return majority && isWell && are.join() === [...names].sort().join();
}
