/** A majority is gone for good: the others restart the pool in a new epoch (DESIGN section 9). */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFileSync, readFileSync } from 'node:fs';
import { until } from '../../client/until.ts';
import { Server } from '../server.ts';
import { PoolSite } from './pool-site.ts';

const LIMIT = 10;
const LIFETIME_MS = 26_000;
const site = new PoolSite();

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  await site.layOut(5, [{ application: 'App', limit: LIMIT, terms }]);
  await site.startAll();
});
afterAll(() => site.close());

const sign = (...args: string[]) => site.ok(['rlf', ...args, '--key', site.adminKey]);

test('two of five go on alone, and one that was given up is refused', async () => {
  const old = site.file('old.toml');
  const early = site.file('early.toml');
  copyFileSync(site.rlf, old);
  copyFileSync(site.rlf, early);
  const seat = await site.connect().request({ application: 'App' });
  const lost: string[] = [];
  seat.on('lost', ({ code }) => lost.push(code));

  // While a majority is there it is refused, and the pool goes on.
  await sign('recover', early, '--keep', 'A,B');
  const refused = await site.client(['rlf', 'push', early]);
  expect(refused.code).toBe(78);
  expect(refused.stderr + refused.stdout).toContain('A majority of the pool is there');

  for (const name of ['C', 'D', 'E']) await site.kill(name);
  const killedAt = performance.now();
  await sign('recover', site.rlf, '--keep', 'A,B');
  // It is refused until this server takes its leader, or its majority, for lost.
  const survivor = site.server('A');
  let offers = 0;
  await until(() => {
    const refusals = survivor.stderr.split('the RLF was refused').length - 1;
    if (refusals === offers && offers++ < 1_000) process.kill(survivor.pid, 'SIGHUP');
    return survivor.stderr.includes('to be restarted');
  }, 'the RLF is taken');

  const restarted = await site.when(
    ({ majority, leader }) => majority && leader !== null,
    'the pool is restarted',
    90_000,
  );
  expect(restarted.epoch).toBe(2);
  expect(restarted.term).toBeLessThan(1_000);
  expect((await site.client(['status', '--pool'])).stdout).toContain(', epoch 2, leader ');
  expect(restarted.servers.map(({ name }) => name).filter((name) => name < 'C')).toEqual([
    'A',
    'B',
  ]);
  const other = site.connect({ holder: { user: 'other' } });
  const seats = await other.request({ application: 'App', count: LIMIT - 1, waitMs: 90_000 });
  expect(seats.valid).toBe(true);
  // Nothing before the longest lifetime was over. So the seat of before was lost; it was asked for
  // anew since, like any other.
  expect(performance.now() - killedAt).toBeGreaterThan(LIFETIME_MS);
  await until(() => seat.valid, 'the seat is there again');
  expect(lost).toHaveLength(1);

  // One of those that were given up is back, and knows nothing of it.
  const command = site.command('C').map((word) => (word === site.rlf ? old : word));
  const back = await Server.start({ command, cwd: site.path, env: process.env });
  expect(await back.exited).toBe(77);

  // Its RLF is refused by the new pool, and a client that saw the new epoch refuses the old one.
  const card = site.file('new.pool');
  await site.ok(['pool', 'card', site.rlf, '--key', site.adminKey, '-o', card]);
  expect(readFileSync(card, 'utf8')).toContain('"epoch": 2');
  expect(await seats.release()).toBe(true);
}, 240_000);
