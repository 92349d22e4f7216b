/**
 * A pool is upgraded, server by server, under load: a later version of lm, and the one of now, in
 * one pool, with clients of both. Nothing of the later one is used before the administrator says so.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pjson from '../../../package.json' with { type: 'json' };
import type { Authorization } from '../../../src/net/client/index.ts';
import { until } from '../../client/until.ts';
import { type Ran, run } from '../../commands/run-lm.ts';
import { executable } from '../executable.ts';
import { buildLater, LATER_VERSION } from '../later-executable.ts';
import type { PatchedExecutable } from '../patched-executable.ts';
import { Program } from '../program.ts';
import { runSeed } from '../random.ts';
import { expectJsonRefusal, expectRefusal } from '../refusal.ts';
import { Crew } from './crew.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite, type PoolStatus } from './pool-site.ts';

const HOLDERS = 12;
/** Enough on any one server. */
const LIMIT = 9 * HOLDERS;
/** Its seats all lie at A: whoever asks elsewhere borrows. */
const LENT = 'Lent';
const EXEC = `i=0; until [ -e enough ]; do echo "tick $i"; i=$((i + 1)); sleep 1; done; exit 7`;

const site = new PoolSite();
let later: PatchedExecutable;

beforeAll(async () => {
  later = await buildLater();
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  const distribution = 'A=9';
  await site.layOut(3, [
    { application: 'App', limit: LIMIT, terms },
    { application: LENT, limit: 9, terms, distribution },
  ]);
  await site.startAll();
}, 120_000);
afterAll(async () => {
  await site.close();
  later.remove();
});

/** The next start of a server is with this version of lm. */
function set(name: string, version: 'earlier' | 'later'): void {
  if (version === 'later') site.programs.set(name, later.path);
  else site.programs.delete(name);
}

/** Nobody said to it what it does not understand, nor was told so. */
function expectUnderstood(name: string): void {
  expect(site.server(name).log.filter(({ code }) => code === 'protocol')).toEqual([]);
}

async function restart(name: string, version: 'earlier' | 'later'): Promise<PoolStatus> {
  expectUnderstood(name);
  expect({ name, code: await site.stop(name) }).toEqual({ name, code: 0 });
  set(name, version);
  await site.start(name);
  return await site.serves();
}

/** Of programs that hold a seat. */
type Pids = ReadonlySet<number>;

/** The leader is killed, and programs that hold a seat there claim it at the others. */
async function failOver(leader: string, version: string, pids: Pids): Promise<void> {
  const { leader: leads, servers, authorizations } = await site.serves();
  const isAtLeader = ({ pid, server }: Authorization) => pids.has(pid) && server === leader;
  expect(authorizations.filter(isAtLeader)).not.toEqual([]);
  const led = { leads, version: servers.find(({ name }) => name === leader)?.version };
  expect(led).toEqual({ leads: leader, version });
  expectUnderstood(leader);
  await site.kill(leader);
  const isClaimed = ({ authorizations: all }: PoolStatus) => {
    return all.filter(({ pid }) => pids.has(pid)).length === pids.size && !all.some(isAtLeader);
  };
  const { servers: now } = await site.when(isClaimed, 'all seats are claimed', LIFETIME_MS);
  expect(now.find(({ name }) => name === leader)?.state).toBe('fenced');
}

/** The server itself has it, and not only the leader. */
async function hasFormat(name: string, format: number): Promise<void> {
  const client = site.connectTo(name);
  let known: unknown = null;
  for (const end = performance.now() + 20_000; known !== format; ) {
    expect(performance.now()).toBeLessThan(end);
    const [own] = await client.status();
    known = own === undefined || own instanceof Error ? null : own['format'];
  }
}

/** A client command of that version of lm. */
function lm(version: 'earlier' | 'later', args: readonly string[]): Promise<Ran> {
  const program = version === 'later' ? later.path : executable();
  return run([program, ...args], { cwd: site.path, env: site.env });
}

/** Clients of both versions are served at every server that runs. */
async function expectServed(): Promise<void> {
  const versions = ['earlier', 'later'] as const;
  const pairs = site.running.flatMap((name) => versions.map((version) => ({ name, version })));
  await Promise.all(pairs.map(expectServedAt));
}

/** A seat is requested there, and renewed and given back at whichever server that is said to. */
async function expectServedAt(by: { name: string; version: 'earlier' | 'later' }): Promise<void> {
  const { name, version } = by;
  const trust = (await site.read('east/admin.key.pub')).trim();
  const at = ['--servers', `127.0.0.1:${site.place(name).port}`, '--trust', trust];
  const asked = await lm(version, ['request', LENT, '--wait', '20s', ...at]);
  expect({ ...by, ...asked }).toMatchObject({ code: 0 });
  const file = `${name}-${version}.key`;
  await site.write(file, asked.stdout);
  const renewed = await lm(version, ['renew', '--key-file', file]);
  expect({ ...by, ...renewed }).toMatchObject({ code: 0 });
  const released = await lm(version, ['release', '--key-file', file, '--json']);
  expect({ ...by, ...JSON.parse(released.stdout) }).toMatchObject({ released: true });
}

function upgrade(flags: readonly string[] = []): Promise<Ran> {
  return site.client(['pool', 'upgrade', '--admin-key', site.adminKey, ...flags]);
}

function databaseOf(name: string): string {
  const file = site.file(`${site.pool}/servers/${name}/lm.mdb`);
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

test('a pool goes on to a later version, and back, under load, until its format is raised', async () => {
  const seed = runSeed();
  console.log(`LM_SEED=${seed} bun test test/e2e/pool/upgrade.test.ts`);
  const { record, seats, problems, holders } = new Crew(site, {
    ...{ count: HOLDERS, application: 'App', limit: LIMIT, seed, waitMs: 60_000 },
    passing: new Set<string>(),
  });
  const running = holders.map((holder) => holder.run());
  const programs = [executable(), later.path].flatMap((program) => {
    return [1, 2].map(() => new Program(site, EXEC, ['--app', 'App'], program));
  });
  const pids = new Set(programs.map(({ child }) => child.pid));
  try {
    await Promise.all(programs.map((program) => program.says('tick 0')));
    const nothing = await upgrade(['--json']);
    expect(JSON.parse(nothing.stdout)).toEqual({ format: 1, before: 1, raised: false });

    await restart('C', 'later');
    const { leader, servers } = await restart('B', 'later');
    expect(servers.map(({ version }) => version)).toEqual([
      pjson.version,
      ...[LATER_VERSION, LATER_VERSION],
    ]);
    expect(leader).toBe('A');
    await expectServed();
    expectRefusal(await upgrade(), 78, `A runs lm ${pjson.version}, which understands format 1`);

    await failOver('A', pjson.version, pids);
    expectRefusal(await upgrade(), 69, 'A is not up');
    await site.start('A');
    await site.serves();
    await expectServed();

    // One that the programs went on to leads.
    const { authorizations } = await site.serves();
    const seat = authorizations.find(({ pid, server }) => pids.has(pid) && server !== 'A');
    const second = seat?.server ?? 'nobody';
    const transfer = ['leader', 'transfer', second, '--admin-key', site.adminKey];
    await site.ok(transfer, { env: site.env });
    await failOver(second, LATER_VERSION, pids);
    set(second, 'earlier');
    await site.start(second);
    await site.serves();
    await restart(second === 'B' ? 'C' : 'B', 'earlier');

    for (const name of ['B', 'C', 'A']) await restart(name, 'later');
    const ready = await site.when((status) => status.formatAvailable === 2, 'all understand it');
    expect(ready.format).toBe(1);
    const status = await site.client(['status', '--pool']);
    expect(status.stdout).toContain('All servers understand format 2: lm pool upgrade raises it.');
    const raised = await upgrade(['--json']);
    expect(JSON.parse(raised.stdout)).toEqual({ format: 2, before: 1, raised: true });
    const again = await upgrade();
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('has format 2') });

    await hasFormat('C', 2);
    await site.stop('C');
    set('C', 'earlier');
    const before = databaseOf('C');
    const refused = await run([...site.command('C')], { cwd: site.path });
    expectRefusal(refused, 78, 'has format 2; this version of lm understands 1.');
    const json = await run([...site.command('C'), '--rejoin'], { cwd: site.path });
    expectRefusal(json, 78, 'has format 2');
    expect(databaseOf('C')).toBe(before);
    set('C', 'later');
    await site.start('C');
    const { leader: last } = await site.serves();
    const { format } = await restart(last ?? 'nobody', 'later');
    expect(format).toBe(2);
    await expectServed();
  } finally {
    for (const holder of holders) holder.stop();
    await site.write('enough', '');
    await Promise.all(running);
  }
  site.running.forEach(expectUnderstood);
  expect(problems).toEqual([]);
  expect(record.sweep()).toEqual([]);
  for (const program of programs) {
    const { code, stdout, stderr } = await program.end();
    expect({ code, stderr }).toEqual({ code: 7, stderr: '' });
    const said = stdout.split('\n').slice(0, -1);
    expect(said).toEqual(said.map((_, i) => `tick ${i}`));
  }
  seats.close();
}, 240_000);

test('a command of the earlier version shows what it can of the later pool', async () => {
  const status = await site.status();
  expect(status?.servers.map(({ version }) => version)).toEqual(Array(3).fill(LATER_VERSION));
  await until(() => site.running.length === 3, 'all run');
  expectJsonRefusal(await site.client(['pool', 'upgrade', '--json']), 78, 'config');
}, 60_000);
