/** Issue 6: seats that leave the network, on a pool of one and by the executable. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { importJWK, jwtVerify } from 'jose';
import { until } from '../client/until.ts';
import { type Ran, run } from '../commands/run-lm.ts';
import { executable } from './executable.ts';
import { hasMachineId } from './machine-id.ts';
import { Program } from './program.ts';
import { expectRefusal } from './refusal.ts';
import type { Server } from './server.ts';
import { Session } from './session.ts';
import { Site } from './site.ts';

/** A network namespace without any interface, and a mount namespace with another machine id. */
const [canUnshareNet, canUnshareMount] = [
  ['unshare', '-rn', 'true'],
  ['unshare', '-rm', 'sh', '-c', 'mount --bind /etc/hostname /etc/machine-id'],
].map((command) => Bun.spawnSync(command).exitCode === 0);

const site = new Site();
let server: Server;
let vendorKey = '';

beforeAll(async () => {
  const terms = ['--commuter-days', '7', '--commuter-share', '0.5'];
  await site.found([
    { application: 'App', limit: 12, terms },
    { application: 'Fixed', limit: 5 },
  ]);
  server = await site.serve();
  vendorKey = (await site.read('vendor.key.pub')).trim();
});
afterAll(() => site.close());

async function checkOut(file: string, more: readonly string[] = []) {
  return await site.ask(['commute', 'out', 'App', '--days', '3', '-o', file, ...more]);
}

async function checkIn(file: string) {
  return await site.ask(['commute', 'in', file]);
}

/** Runs a command on a seat, with nothing but the vendor's key to go by. */
function offline(file: string, command: readonly string[], prefix: readonly string[] = []) {
  const args = [executable(), 'exec', '--commuter', file, '--', ...command];
  const env = { LM_VENDOR_KEY: vendorKey };
  return run([...prefix, ...args], { cwd: site.path, env });
}

/** Of license App. */
async function license(): Promise<Record<string, unknown>> {
  const { licenses } = (await site.ask(['status'])) as { licenses: Record<string, unknown>[] };
  return licenses.find(({ application }) => application === 'App') ?? {};
}

async function listed(): Promise<Record<string, unknown>[]> {
  return (await site.ask(['commute', 'list']))['commuted'] as Record<string, unknown>[];
}

describe.skipIf(!hasMachineId)('a commuted seat', () => {
  test('is checked out, used offline as often as one likes, and checked in', async () => {
    const out = await checkOut('one.seat');
    expect(out).toMatchObject({ application: 'App', version: '1.0', count: 1, file: 'one.seat' });
    expect(await license()).toMatchObject({ commuted: 1, held: 0, available: 11 });
    const [one] = await listed();
    expect(one).toMatchObject({ id: out['id'], state: 'commuted', expiresAt: out['expiresAt'] });
    expect(statSync(site.file('one.seat')).mode & 0o077).toBe(0);
    for (const code of [0, 3]) {
      const ran = await offline('one.seat', ['sh', '-c', `echo ran; exit ${code}`]);
      expect(ran).toEqual({ code, stdout: 'ran\n', stderr: '' });
    }
    expect(await checkIn('one.seat')).toMatchObject({ id: out['id'], released: true, count: 1 });
    expect(await license()).toMatchObject({ commuted: 0, available: 12 });
    expect(await checkIn('one.seat')).toMatchObject({ id: out['id'], released: false });
    const after = await offline('one.seat', ['true']);
    expectRefusal(after, 77);
    expect(after.stderr).toContain('was checked in');
    expect(await checkOut('one.seat')).not.toMatchObject({ id: out['id'] });
    await checkIn('one.seat');
  });

  test.skipIf(!canUnshareNet)('starts in a network namespace without any interface', async () => {
    await checkOut('offline.seat');
    const shown = await offline('offline.seat', ['cat', '/proc/net/route'], ['unshare', '-rn']);
    expect([shown.code, shown.stderr]).toEqual([0, '']);
    expect(shown.stdout.trim().split('\n')).toHaveLength(1);
    await checkIn('offline.seat');
  });

  test('is denied beyond the days and the share, and where none may leave', async () => {
    const denied = async (args: readonly string[], words: string) => {
      const ran = await site.client(['commute', 'out', ...args, '-o', 'denied.seat']);
      expectRefusal(ran, 77);
      expect(ran.stderr).toContain(words);
      expect(existsSync(site.file('denied.seat'))).toBe(false);
    };
    await denied(['App', '--days', '8'], 'for 7 days at most; 8 days were asked for');
    await denied(['App', '--days', '1', '-n', '7'], 'at most 6 seats may be commuted at once');
    await denied(['Fixed', '--days', '1'], 'may not be commuted');
    await denied(['Nope', '--days', '1'], 'no license for Nope');
    expect((await license())['commuted']).toBe(0);
  });

  test('outlives a kill of its server, and a check-out that was cut short goes on', async () => {
    const out = await checkOut('kept.seat');
    const file = JSON.parse(await site.read('kept.seat')) as Record<string, unknown>;
    // As it was before the answer came.
    const wish = { application: 'App', version: null, vendor: null, count: 1, days: 3 };
    const pending = { kind: file['kind'], key: file['key'], phase: 'pending', wish };
    writeFileSync(site.file('kept.seat'), JSON.stringify(pending));
    expectRefusal(await offline('kept.seat', ['true']), 78);
    await server.kill();
    server = await site.serve();
    const other = await site.client(['commute', 'out', 'App', '--days', '2', '-o', 'kept.seat']);
    expectRefusal(other, 78);
    const again = await checkOut('kept.seat');
    expect(again).toMatchObject({ id: out['id'], expiresAt: out['expiresAt'] });
    expect((await license())['commuted']).toBe(1);
    await checkIn('kept.seat');
  });

  test('that was given up while it waited is no seat, and takes none later', async () => {
    const all = await site.ask(['request', 'App', '-n', '12']);
    const args = ['commute', 'out', 'App', '--days', '1', '--wait', '1m', '-o', 'waits.seat'];
    const env = { ...process.env, ...site.env };
    const waiting = Bun.spawn([executable(), ...args], { cwd: site.path, env, stderr: 'ignore' });
    for (const end = performance.now() + 20_000; (await license())['waiting'] !== 1; ) {
      if (performance.now() > end) throw new Error('it does not wait');
    }
    waiting.kill('SIGINT');
    expect(await waiting.exited).toBe(130);
    expect(JSON.parse(await site.read('waits.seat'))).toMatchObject({ phase: 'pending' });
    await site.client(['release', '-'], { stdin: String(all['key']) });
    expect(await license()).toMatchObject({ waiting: 0, commuted: 0, available: 12 });
    const out = await site.ask(['commute', 'out', 'App', '--days', '1', '-o', 'waits.seat']);
    expect(await checkIn('waits.seat')).toMatchObject({ id: out['id'], released: true });
    expect((await license())['commuted']).toBe(0);
  });

  test('ends what runs on it before the pool is told', async () => {
    await checkOut('runs.seat');
    const script =
      'trap "echo asked; sleep 1; echo done; exit 3" TERM; echo up; while :; do sleep 0.1; done';
    const program = new Program(site, script, ['--commuter', 'runs.seat']);
    await program.says('up');
    const back = checkIn('runs.seat');
    await program.says('asked');
    expect((await license())['commuted']).toBe(1);
    expect(await back).toMatchObject({ released: true });
    const { code, stdout } = await program.end();
    expect({ code, stdout }).toEqual({ code: 79, stdout: 'up\nasked\ndone\n' });
    expect((await license())['commuted']).toBe(0);
  });

  test('ends what a killed lm exec left behind', async () => {
    await checkOut('orphan.seat');
    const program = new Program(site, 'echo $$; while :; do sleep 0.1; done', [
      ...['--commuter', 'orphan.seat', '--grace', '1s'],
    ]);
    await until(() => program.stdout.endsWith('\n'), 'it runs');
    const runs = () => readdirSync(site.file('orphan.seat.runs'));
    const noted = () => runs().some((name) => notedAt(`orphan.seat.runs/${name}`) !== null);
    await until(noted, 'it is noted');
    program.child.kill('SIGKILL');
    await program.child.exited;
    expect(await checkIn('orphan.seat')).toMatchObject({ released: true });
    expect(isRunning(program.stdout.trim())).toBe(false);
    expect(existsSync(site.file('orphan.seat.runs'))).toBe(false);
  });

  test('that was disabled while no server was there is given back later', async () => {
    await checkOut('late.seat');
    await server.kill();
    expectRefusal(await site.client(['commute', 'in', 'late.seat']), 69);
    expect(JSON.parse(await site.read('late.seat'))).toMatchObject({ phase: 'disabled' });
    expect(await site.read('late.seat')).not.toContain('token');
    expectRefusal(await offline('late.seat', ['true']), 77);
    server = await site.serve();
    expect(await checkIn('late.seat')).toMatchObject({ released: true });
    expect((await license())['commuted']).toBe(0);
  });
});

/** One that nobody waited for is there still, and runs no more. */
function isRunning(pid: string): boolean {
  if (!existsSync(`/proc/${pid}`)) return false;
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
}

function notedAt(name: string): unknown {
  return (JSON.parse(readFileSync(site.file(name), 'utf8')) as Record<string, unknown>)['command'];
}

describe.skipIf(!hasMachineId)('the file', () => {
  test('is verified by a stock library, from the vendor to the seat', async () => {
    const out = await checkOut('jose.seat');
    const { token } = JSON.parse(await site.read('jose.seat')) as { token: string };
    const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
    const key = await importJWK(header.jwk, 'ES256');
    const { payload } = await jwtVerify(token, key, { typ: 'lm-commuter+jwt' });
    expect(payload).toMatchObject({ id: out['id'], machine: out['machine'], application: 'App' });
    expect(new Date(Number(payload.exp) * 1_000).toISOString()).toBe(String(out['expiresAt']));
    await checkIn('jose.seat');
  });

  test('is refused by name where it was changed, or is of another vendor', async () => {
    await checkOut('sound.seat');
    const file = JSON.parse(await site.read('sound.seat')) as Record<string, string>;
    const { token = '', rlf = '' } = file;
    const [header = '', payload = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const coded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const later = coded({ ...claims, exp: claims.exp + 86_400 });
    const none = coded({ alg: 'none', typ: 'lm-commuter+jwt' });
    const versions: Record<string, Record<string, unknown>> = {
      'a later end': { token: [header, later, signature].join('.') },
      'no signature': { token: `${header}.${payload}.` },
      'no algorithm': { token: [none, payload, ''].join('.') },
      'no token': { token: 'x' },
      'another RLF': { rlf: rlf.replace('sequence = ', 'sequence = 1') },
      'no RLF': { rlf: '' },
      'a field more': { more: 1 },
      'another phase': { phase: 'free' },
      'no key': { key: 'short' },
    };
    for (const [what, change] of Object.entries(versions)) {
      writeFileSync(site.file('changed.seat'), JSON.stringify({ ...file, ...change }));
      const ran = await offline('changed.seat', ['echo', 'ran']);
      expect({ what, code: ran.code, stdout: ran.stdout }).toEqual({ what, code: 65, stdout: '' });
      expectRefusal(ran, 65);
    }
    for (const text of ['', '{', 'null', '[]', '\u0000', 'x'.repeat(9_000_000)]) {
      writeFileSync(site.file('changed.seat'), text);
      expectRefusal(await offline('changed.seat', ['echo', 'ran']), 65);
    }
    await site.ok(['keys', 'new', 'other.key']);
    const env = { LM_VENDOR_KEY: (await site.read('other.key.pub')).trim() };
    expectRefusal(await site.lm(['exec', '--commuter', 'sound.seat', '--', 'true'], { env }), 76);
    expectRefusal(await site.lm(['exec', '--commuter', 'sound.seat', '--', 'true']), 78);
    expect((await site.client(['exec', '--commuter', 'sound.seat', '--', 'true'])).code).toBe(0);
    await checkIn('sound.seat');
  });

  test.skipIf(!canUnshareMount)('is of one machine', async () => {
    await checkOut('bound.seat');
    writeFileSync(site.file('machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
    const elsewhere = (id: string): Promise<Ran> => {
      const mount = `mount --bind ${id} /etc/machine-id && exec "$@"`;
      return offline('bound.seat', ['true'], ['unshare', '-rm', 'sh', '-c', mount, 'sh']);
    };
    const other = await elsewhere(site.file('machine-id'));
    expectRefusal(other, 77);
    expect(other.stderr).toContain('bound to another machine');
    writeFileSync(site.file('no-id'), '');
    const hidden = 'mount --bind "$0" /etc/machine-id && mount -t tmpfs none /var/lib && exec "$@"';
    const prefix = ['unshare', '-rm', 'sh', '-c', hidden, site.file('no-id')];
    const none = await offline('bound.seat', ['true'], prefix);
    expectRefusal(none, 78);
    expect(none.stderr).toContain('has no id');
    await checkIn('bound.seat');
  });

  test('remembers the time: a clock set back, and an end that is past', async () => {
    const out = await checkOut('time.seat');
    const end = Date.parse(String(out['expiresAt']));
    const seen = (judged: number) => {
      const text = JSON.stringify({ judged, name: null, boot: 0 });
      writeFileSync(site.file('time.seat.clock'), text);
      return offline('time.seat', ['echo', 'ran']);
    };
    // Within what clocks may differ by.
    expect((await seen(Date.now() + 1_800_000)).stdout).toBe('ran\n');
    const back = await seen(Date.now() + 2 * 3_600_000);
    expectRefusal(back, 77);
    expect(back.stderr).toContain('clock of this machine was set back');
    const over = await seen(end + 1);
    expectRefusal(over, 77);
    writeFileSync(site.file('time.seat.clock'), 'x');
    expectRefusal(await offline('time.seat', ['true']), 65);
    await checkIn('time.seat');
  });
});

describe.skipIf(!hasMachineId)('an administrator', () => {
  test('writes a seat off: it is free at its end, or at once where that is forced', async () => {
    const { id } = await checkOut('off.seat');
    const act = (...more: string[]) => {
      const key = ['--admin-key', site.file('east/admin.key')];
      return site.client(['evict', String(id), ...key, ...more]);
    };
    const off = await act();
    expect([off.code, off.stdout]).toEqual([0, '']);
    expect(off.stderr).toContain('Written off');
    expect(await listed()).toMatchObject([{ id, state: 'written-off' }]);
    expect((await license())['commuted']).toBe(1);
    const forced = await act('--force', '--json');
    expect(JSON.parse(forced.stdout)).toEqual({ evicted: [id], commuted: [] });
    expect(await listed()).toEqual([]);
    expect(await license()).toMatchObject({ commuted: 0, available: 12 });
    expect(await checkIn('off.seat')).toMatchObject({ released: false });
    expectRefusal(await act('--force'), 64);
  });

  test('is named where a file is lost', async () => {
    const lost = await site.client(['commute', 'in', 'A'.repeat(22)]);
    expectRefusal(lost, 77);
    expect(lost.stderr).toContain('lm evict');
    expectRefusal(await site.client(['commute', 'in', 'nowhere.seat']), 78);
  });
});

test.skipIf(!hasMachineId)(
  'a seat ends with its license, and what runs on it is ended: exit 79',
  async () => {
    const soon = new Site();
    try {
      const expires = new Date(Date.now() + 12_000).toISOString();
      const terms = ['--commuter-days', '7', '--expires', expires];
      await soon.found([{ application: 'App', limit: 2, terms }]);
      await soon.serve();
      const out = await soon.ask(['commute', 'out', 'App', '--days', '7', '-o', 'a.seat']);
      const end = 1_000 * Math.floor(Date.parse(expires) / 1_000);
      expect(Date.parse(String(out['expiresAt']))).toBe(end);
      const script = 'trap "echo asked; exit 3" TERM; echo up; while :; do sleep 0.1; done';
      const program = new Program(soon, script, ['--commuter', 'a.seat']);
      const { code, stdout, stderr } = await program.end();
      expect({ code, stdout }).toEqual({ code: 79, stdout: 'up\nasked\n' });
      expect(stderr).toContain('ended at');
      expect(Date.now()).toBeGreaterThanOrEqual(end);
      expectRefusal(await soon.client(['exec', '--commuter', 'a.seat', '--', 'true']), 77);
    } finally {
      await soon.close();
    }
  },
);

test.skipIf(!hasMachineId)('a session checks out, uses and checks in', async () => {
  const session = Session.open(site);
  const wish = { application: 'App', days: 2, file: site.file('session.seat') };
  const out = await session.say({ op: 'commute-out', ...wish });
  expect(out).toMatchObject({ ok: true, application: 'App', file: site.file('session.seat') });
  const { pools } = await session.say({ op: 'commute-list' });
  expect(pools).toMatchObject([{ pool: 'east', commuted: [{ id: out['authorization'] }] }]);
  const open = { op: 'commute-open', file: wish.file };
  const [first, second] = [await session.say(open), await session.say(open)];
  expect(first).toMatchObject({ ok: true, valid: true, authorization: out['authorization'] });
  expect(second?.seat).not.toBe(first?.seat);
  const back = session.say({ op: 'commute-in', file: wish.file });
  await session.event(({ event, seat }) => event === 'lost' && seat === first?.seat, 'it is lost');
  await session.event(({ event, seat }) => event === 'lost' && seat === second?.seat, 'both are');
  for (const one of [first, second]) await session.release(one?.seat);
  expect(await back).toMatchObject({ ok: true, released: true });
  expect(await session.say({ ...open })).toMatchObject({ error: { code: 'not-authorized' } });
  expect(await session.say({ op: 'commute-out', ...wish, days: 9 })).toMatchObject({
    error: { code: 'denied-by-policy', commuterDays: 7 },
  });
  expect(await session.end()).toBe(0);
  expect((await license())['commuted']).toBe(0);
});
