/** `request`, `release`, `renew` and `status` against a real server. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { executable } from '../e2e/executable.ts';
import type { Server } from '../e2e/server.ts';
import { Site } from '../e2e/site.ts';
import { environment } from './run-lm.ts';

const pool = new Site();
let server: Server;
beforeAll(async () => {
  const terms = ['--key-lifetime', '26s'];
  await pool.found([{ application: 'App', limit: 3, terms }]);
  server = await pool.serve();
});
afterAll(() => pool.close());

async function inUse(): Promise<number | undefined> {
  const { licenses } = (await pool.ask(['status'])) as { licenses: { inUse: number }[] };
  return licenses[0]?.inUse;
}

async function key(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await pool.client(['request', 'App', ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

const release = (text: string) => pool.client(['release', '-'], { stdin: text });

/** Runs lm on a terminal of this many columns; what it showed, and how it ended. */
async function onTerminal(columns: number, args: readonly string[]) {
  let shown = '';
  const script = `stty cols ${columns} rows ${columns}; exec "$0" "$@"`;
  const child = Bun.spawn(['sh', '-c', script, executable(), ...args], {
    cwd: pool.path,
    env: environment(pool.env),
    terminal: { cols: 80, rows: 24, data: (_, data) => (shown += Buffer.from(data).toString()) },
  });
  // A spinner without end would keep even the timeout of the test waiting for its output.
  const bound = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const code = await child.exited;
  clearTimeout(bound);
  child.terminal?.close();
  return { code, shown };
}

describe('request', () => {
  test('prints a key, and nothing else, and release takes it on standard input', async () => {
    const { code, stdout, stderr } = await pool.client(['request', 'App']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^lmk1_[A-Za-z0-9_-]+\n$/);
    expect(await inUse()).toBe(1);
    expect(await release(stdout)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await inUse()).toBe(0);
    const again = await release(stdout);
    expect([again.code, again.stdout]).toEqual([0, '']);
  });

  test.each([
    ['80 columns', 80],
    ['a width that it does not know', 0],
  ])('--wait shows the place in the line on a terminal of %s, and ends', async (_, columns) => {
    const all = await key('-n', '3');
    const waiting = ['request', 'App', '--wait', '1s'];
    const { code, shown } = await onTerminal(columns, waiting);
    expect(code).toBe(124);
    expect(shown).toContain('Waiting for App: next in the line of 1');
    expect(shown.length).toBeLessThan(20_000);
    const exec = ['exec', '--app', 'App', '--wait', '1s', '--', 'true'];
    expect((await onTerminal(columns, exec)).code).toBe(124);
    await release(all);
  });

  test('--json is one document', async () => {
    const asked = await pool.client(['request', 'App', '-n', '2', '--json']);
    const seat = JSON.parse(asked.stdout) as Record<string, unknown>;
    expect(Object.keys(seat).sort()).toEqual([
      ...['application', 'count', 'expiresAt', 'id', 'key', 'lifetimeMs', 'server', 'vendor'],
      ...['verified', 'version'],
    ]);
    expect(seat).toMatchObject({
      ...{ application: 'App', version: '1.0', vendor: 'Acme', count: 2, server: 'A' },
      ...{ lifetimeMs: 26_000, verified: false },
    });
    const back = await pool.client(['release', '--json'], { env: { LM_KEY: String(seat['key']) } });
    expect(JSON.parse(back.stdout)).toEqual({ released: true, count: 2 });
    const twice = await pool.client(['release', '--json'], {
      env: { LM_KEY: String(seat['key']) },
    });
    expect([twice.code, JSON.parse(twice.stdout)]).toEqual([0, { released: false, count: 0 }]);
  });

  test('a vendor key makes it verified; another one is untrusted', async () => {
    const vendor = (await pool.read('vendor.key.pub')).trim();
    const seat = await pool.json(['request', 'App'], {
      env: { ...pool.env, LM_VENDOR_KEY: vendor },
    });
    expect(seat['verified']).toBe(true);
    await release(String(seat['key']));
    const admin = pool.file('east/admin.key.pub');
    const refused = await pool.client(['request', 'App', '--vendor-key', admin]);
    expect(refused.code).toBe(76);
  });

  test('the admin key vouches for servers named by hand', async () => {
    const trust = (await pool.read('east/admin.key.pub')).trim();
    const servers = `127.0.0.1:${pool.port}`;
    const { code, stdout } = await pool.lm(
      ['request', 'App', '--servers', servers, '--trust', trust],
      { env: { XDG_STATE_HOME: pool.file('other-state') } },
    );
    expect(code).toBe(0);
    await release(stdout);
  });

  test.each([
    [['request', 'Nope'], {}, 77, 'unknown-application'],
    [['request', 'App', '--version', '2.0'], {}, 77, 'version-not-licensed'],
    [['request', 'App', '-n', '9'], {}, 77, 'exceeds-limit'],
    [['request', 'App', '--pool', '/nowhere'], {}, 78, 'config'],
    [['request', 'App'], { LM_POOL: '' }, 78, 'config'],
    [['request', 'App', '--version', 'x'], {}, 64, 'usage'],
    [['request', 'App', '--wait', 'soon'], {}, 64, 'usage'],
    [['request', '\u0007'], {}, 64, 'usage'],
    [['release', 'lmk1_secret'], {}, 64, 'usage'],
    [['release'], {}, 64, 'usage'],
    [['release'], { LM_KEY: 'lmk1_AAAA' }, 65, 'bad-data'],
    [['renew', '--key-file', '/nowhere'], {}, 78, 'config'],
  ])('lm %j exits as CLI.md says', async (args, env, code, name) => {
    const ran = await pool.client([...args, '--json'], { env });
    expect([ran.code, (JSON.parse(ran.stdout) as { error: { code: string } }).error.code]).toEqual([
      code,
      name,
    ]);
    const plain = await pool.client(args, { env });
    expect([plain.code, plain.stdout]).toEqual([code, '']);
    expect(plain.stderr).toMatch(/^lm: .+\n {4}.+\n$/);
    expect(plain.stderr).not.toContain('\u0007');
  });

  test('--wait waits in the line, and says so', async () => {
    const keys = [await key('-n', '3')];
    const waiting = pool.client(['request', 'App', '--wait', '60s']);
    await untilWaiting(1);
    for (const one of keys) await release(one);
    const { code, stdout, stderr } = await waiting;
    expect([code, stderr]).toEqual([0, 'Waiting for App: next in the line of 1\n']);
    await release(stdout);
  });

  test('--wait in vain: 124, and the last reason', async () => {
    const held = await key('-n', '3');
    const { code, stdout } = await pool.client(['request', 'App', '--wait', '300ms', '--json']);
    expect(code).toBe(124);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'timeout', waitedMs: 300, last: { code: 'all-in-use', hardLimit: 3 } },
    });
    const impatient = await pool.client(['request', 'App']);
    expect(impatient.code).toBe(75);
    await release(held);
  });

  test('interrupted, a waiter leaves the line and exits 130', async () => {
    const held = await key('-n', '3');
    const waiter = Bun.spawn([executable(), 'request', 'App', '--wait', '60s'], {
      env: environment(pool.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await untilWaiting(1);
    waiter.kill('SIGINT');
    expect(await waiter.exited).toBe(130);
    await untilWaiting(0);
    await release(held);
  });

  test('--hold keeps a seat without heartbeats', async () => {
    const seat = await pool.ask(['request', 'App', '--hold', '2h']);
    expect(seat['lifetimeMs']).toBe(7_200_000);
    await release(String(seat['key']));
  });

  async function untilWaiting(count: number): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const status = await pool.ask(['status']);
      const [license] = status['licenses'] as { waiting: number }[];
      if (license?.waiting === count) return;
    }
    throw new Error(`there never were ${count} waiting`);
  }
});

describe('renew', () => {
  test('prints the key that replaces the old one; in a key file it takes its place', async () => {
    const first = await key();
    const renewed = await pool.client(['renew', '-', '--json'], { stdin: first });
    expect(JSON.parse(renewed.stdout)).toMatchObject({ application: 'App', lifetimeMs: 26_000 });
    await pool.write('seat.key', `${first}\n`);
    const inFile = await pool.client(['renew', '--key-file', pool.file('seat.key')]);
    expect([inFile.code, inFile.stdout]).toEqual([0, '']);
    const text = (await pool.read('seat.key')).trim();
    expect(text).toMatch(/^lmk1_/);
    await release(text);
    const ended = await pool.client(['renew', '-'], { stdin: text });
    expect(ended.code).toBe(79);
  });
});

describe('a server that was killed', () => {
  test('an acknowledged seat is still counted, and unreachable is 69', async () => {
    const held = await key();
    await server.kill();
    const refused = await pool.client(['request', 'App']);
    expect(refused.code).toBe(69);
    const lost = await pool.client(['release', '-'], { stdin: held });
    expect(lost.code).toBe(69);
    const waiting = pool.client(['request', 'App', '--wait', '60s']);
    server = await pool.serve();
    const { code, stdout } = await waiting;
    expect(code).toBe(0);
    expect(await inUse()).toBe(2);
    for (const one of [held, stdout]) expect((await release(one)).code).toBe(0);
    expect(await inUse()).toBe(0);
  });
});
