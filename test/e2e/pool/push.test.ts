/** `lm rlf push`, SIGHUP and a restart: a newer RLF enters at any server and reaches all (9). */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { PoolSite, type PoolStatus } from './pool-site.ts';

const site = new PoolSite();
const FILE = 'next.toml';

beforeAll(async () => {
  await site.layOut(3, [
    { application: 'App', limit: 9, distribution: 'A=7,B=1,C=1' },
    { application: 'Other', limit: 6 },
  ]);
  copyFileSync(site.rlf, site.file(FILE));
  await site.startAll();
});
afterAll(() => site.close());

/** Changes the text of the next RLF and signs it under the next sequence, which is returned. */
async function next(change: (text: string) => string = (text) => text): Promise<number> {
  const path = site.file(FILE);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  const sign = ['rlf', 'sign', FILE, '--bump', '--key', site.adminKey, '--json'];
  return Number((await site.json(sign))['sequence']);
}

function inForce(sequence: number) {
  const has = ({ servers }: PoolStatus) => {
    return servers.every((server) => server.rlfSequence === sequence);
  };
  return site.when(has, `RLF ${sequence} is in force everywhere`);
}

function push(...more: string[]) {
  return site.client(['rlf', 'push', FILE, ...more]);
}

/** App as the leader has it. */
function appIn({ licenses }: PoolStatus) {
  return licenses.find(({ application }) => application === 'App')?.distribution ?? [];
}

function rowsIn(status: PoolStatus) {
  return appIn(status).map(({ allocated }) => allocated);
}

/** Seats of App in use, as far as the leader has been told. */
function usedOf(status: PoolStatus) {
  return appIn(status).reduce((sum, { inUse }) => sum + (inUse ?? 0), 0);
}

const SPREAD = (a: number, b: number, c: number) => (text: string) => {
  return text.replace(/distribution = .*/, `distribution = { A = ${a}, B = ${b}, C = ${c} }`);
};

test('a dry run says what would move, what waits and who is in the way, and changes nothing', async () => {
  const seat = await site.connectTo('A').request({ application: 'App', count: 5 });
  expect(seat.server).toBe('A');
  await site.when((status) => usedOf(status) === 5, 'the seats are known to be in use');
  const sequence = await next(SPREAD(1, 4, 4));
  const tried = JSON.parse((await push('--dry-run', '--json')).stdout);
  expect(tried).toMatchObject({ same: false, refused: null });
  const [app, ...others] = tried.licenses;
  expect(others).toEqual([]);
  expect(app).toMatchObject({ application: 'App', inUse: 5, over: 0, holders: [] });
  expect(app.moves[0]).toMatchObject({ server: 'A', before: 7, after: 1, atOnce: 2, waits: 4 });
  const words = (await push('--dry-run')).stdout;
  expect(words).toContain(`sequence: ${sequence - 1} becomes ${sequence}`);
  expect(words).toContain('Acme App 1.0: A has 7 and is to have 1');
  expect((await site.client(['rlf', 'diff', FILE])).stdout).toBe(words);
  expect((await site.serves()).rlf.sequence).toBe(sequence - 1);
  await seat.release();
}, 60_000);

test('a push reaches every server, moves what is free, and again it is in force already', async () => {
  const first = await push('--json');
  expect(first.code).toBe(0);
  const { sequence, already, servers } = JSON.parse(first.stdout);
  expect(already).toBe(false);
  expect(servers.map((one: { rlfSequence: number }) => one.rlfSequence)).toEqual([
    sequence,
    sequence,
    sequence,
  ]);
  await site.when((status) => String(rowsIn(status)) === '1,4,4', 'the seats moved');
  const again = await push();
  expect([again.code, again.stdout]).toEqual([0, '']);
  expect(again.stderr).toContain(`RLF ${sequence} is in force already.`);
}, 60_000);

test('a lowered limit: who holds what is beyond it', async () => {
  const seat = await site.connect({ holder: { user: 'anna', host: 'ws17' } }).request({
    application: 'App',
    count: 4,
  });
  await site.when(
    (status) => status.authorizations.length === 1 && usedOf(status) === 4,
    'the seats are known to be in use, and whose they are',
  );
  const text = readFileSync(site.file(FILE), 'utf8');
  const sequence = await next((all) =>
    all.replace(/\[\[license\]\]\ncode = .*\ndistribution.*\n/, ''),
  );
  const tried = JSON.parse((await push('--dry-run', '--json')).stdout);
  expect(tried.licenses[0]).toMatchObject({ hardLimit: { before: 9, after: 0 }, over: 4 });
  expect(tried.licenses[0].holders).toEqual([
    expect.objectContaining({ user: 'anna', host: 'ws17', count: 4, id: seat.id }),
  ]);
  expect((await push('--dry-run')).stdout).toContain('4 seats: anna@ws17');
  await seat.release();
  writeFileSync(site.file(FILE), text);
  expect((await site.serves()).rlf.sequence).toBe(sequence - 1);
}, 60_000);

test('one that is down gets it when it is back; the push says so', async () => {
  const { leader } = await site.serves();
  const [away = 'A'] = site.names.filter((name) => name !== leader);
  await site.kill(away);
  await site.when(
    ({ servers }) => servers.some(({ name, state }) => name === away && state !== 'up'),
    'it is missed',
  );
  const sequence = await next();
  const pushed = await push();
  expect([pushed.code, pushed.stderr]).toEqual([0, expect.stringContaining(`later: ${away}.`)]);
  await site.start(away);
  await inForce(sequence);
}, 60_000);

test('SIGHUP at a follower, and a restart with a newer file, bring it to all', async () => {
  const { leader } = await site.serves();
  const [follower = 'B', other = 'C'] = site.names.filter((name) => name !== leader);
  let sequence = await next();
  copyFileSync(site.file(FILE), site.rlf);
  site.server(follower).signal('SIGHUP');
  await inForce(sequence);
  sequence = await next();
  await site.stop(other);
  copyFileSync(site.file(FILE), site.rlf);
  await site.start(other);
  await inForce(sequence);
}, 60_000);

test('without a majority it waits as long as it is told, and the same command goes on', async () => {
  const { leader } = await site.serves();
  const others = site.names.filter((name) => name !== leader);
  for (const name of others) await site.kill(name);
  const sequence = await next();
  const late = await push('--wait', '4s', '--json');
  expect(late.code).toBe(124);
  expect(JSON.parse(late.stdout).error).toMatchObject({ code: 'timeout', sequence });
  for (const name of others) await site.start(name);
  expect(await push('--wait', '30s')).toMatchObject({ code: 0, stdout: '' });
  await inForce(sequence);
}, 90_000);
