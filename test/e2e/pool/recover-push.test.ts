/**
 * `lm rlf push` of an RLF that restarts the pool (DESIGN section 9): its servers start anew while it
 * waits. Whoever ends meanwhile, the client or a survivor, the same command goes on.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFileSync } from 'node:fs';
import { until } from '../../client/until.ts';
import { PoolSite } from './pool-site.ts';
import { PushProcess } from './push-process.ts';

const site = new PoolSite();
const FILE = 'recover.toml';
const TAKEN = 'the pool is to be restarted without a majority';
const DECIDED = 'this server restarts the pool';
const LIFETIME_MS = 26_000;

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  await site.layOut(5, [{ application: 'App', limit: 10, terms }]);
  await site.startAll();
  copyFileSync(site.rlf, site.file(FILE));
  await site.ok(['rlf', 'recover', FILE, '--keep', 'A,B', '--key', site.adminKey]);
});
afterAll(() => site.close());

const push = (...more: string[]) => new PushProcess(site, [FILE, ...more]);
const logsOfSurvivors = () => ['A', 'B'].map((name) => site.server(name).stderr).join('');

test('refused while a majority is there; then pushed, interrupted and killed until it is in force', async () => {
  const early = await push().pushed;
  expect([early.code, early.stderr]).toEqual([
    78,
    expect.stringContaining('A majority of the pool is there'),
  ]);
  for (const name of ['C', 'D', 'E']) await site.kill(name);

  // It is refused, by the same words, until the leader is missed; then it is taken, and waits.
  let pushing = push('--wait', '90s');
  await until(() => {
    if (pushing.ended) pushing = push('--wait', '90s');
    return logsOfSurvivors().includes(TAKEN);
  }, 'a survivor takes it');
  const stopped = await pushing.interrupt('SIGINT');
  expect(stopped).toMatchObject({ code: 130, stdout: '' });

  // Again, until the servers start anew under it; and then the command is killed.
  pushing = push('--wait', '90s', '--json');
  await until(() => logsOfSurvivors().includes(DECIDED) || pushing.ended, 'it is decided', 60_000);
  expect(pushing.ended).toBe(false);
  expect((await pushing.interrupt('SIGKILL')).code).toBe(137);

  // And again, while one of the two is killed in the midst of it.
  pushing = push('--wait', '90s', '--json');
  await site.kill('B');
  const late = await push('--wait', '3s', '--json').pushed;
  expect(late.code).toBe(124);
  expect(JSON.parse(late.stdout).error).toMatchObject({ code: 'timeout' });
  await site.start('B');
  const { code, stdout } = await pushing.pushed;
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    expect.objectContaining({
      already: false,
      servers: expect.arrayContaining([expect.objectContaining({ name: 'A', rlfSequence: 3 })]),
    }),
  ]);
  const again = await push().pushed;
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('is in force already')]);

  const seats = await site.connect().request({ application: 'App', count: 10, waitMs: 90_000 });
  expect(seats.valid).toBe(true);
  expect(await site.when(({ epoch }) => epoch === 2, 'the epoch is known')).toMatchObject({
    majority: true,
  });
  await seats.release();
}, 240_000);
