/** What a machine can do to a server (issue 2, "Crash"): each a clear error, and nothing lost. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, chownSync, cpSync, mkdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { open } from 'lmdb';
import { MessageType } from '../../src/net/protocol.ts';
import { run } from '../commands/run-lm.ts';
import { executable } from './executable.ts';
import { Random, runSeed } from './random.ts';
import { type Message, newKey, RawClient, rawStatus, wish } from './raw-client.ts';
import { expectRefusal } from './refusal.ts';
import { Server } from './server.ts';
import { Site } from './site.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const SEATS = 300;
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

const site = new Site();
const random = new Random(runSeed());
/** Ids of the seats that the site's data directory holds. */
let held: string[];

beforeAll(async () => {
  await site.found([{ application: 'App', limit: 100_000 }]);
  const server = await site.serve();
  const client = await RawClient.greet(site.port);
  await Promise.all(Array.from({ length: SEATS }, () => take(client)));
  held = await seatsAt(client);
  // Seats in the database, and the boot of one more start in the log before it.
  await server.stop();
  await (await site.serve()).kill();
});
afterAll(() => site.close());

describe('a data directory that is not as a server left it', () => {
  const damages: [string, (file: string) => unknown, number][] = [
    ['empty', (file) => truncateSync(file, 0), 65],
    ['cut in half', (file) => truncateSync(file, statSync(file).size / 2), 65],
    // Less may cut free pages only, which nobody misses.
    ['cut to three pages', (file) => truncateSync(file, 3 * 4096), 65],
    ['a page of zeros at its head', (file) => overwrite(file, 0, new Uint8Array(4096)), 65],
    ['noise in the middle', (file) => overwrite(file, 3 * 4096, noise(5 * 4096)), 65],
    ['another text', (file) => Bun.write(file, 'seat,user\n1,anna\n'.repeat(2_000)), 65],
    ['a file of noise', (file) => Bun.write(file, noise(20 * 4096)), 65],
    ["another program's database", otherDatabase, 65],
    ['a folder', folderInstead, 65],
    ['gone', (file) => rmSync(file), 78],
  ];
  const logDamages: [string, (file: string) => unknown][] = [
    ['cut in half', (file) => truncateSync(file, statSync(file).size / 2)],
    ['noise', (file) => Bun.write(file, noise(statSync(file).size))],
    ['a folder', folderInstead],
    ['gone', (file) => rmSync(file)],
  ];

  test.each(damages)('the database is %s', async (name, damage, code) => {
    const data = copyOfData(name);
    await damage(join(data, 'lm.mdb'));
    const ran = await site.lm(site.serveArgs({ data }));
    expectRefusal(ran, code);
  });

  test.each(logDamages)('the write-ahead log of a crash is %s', async (name, damage) => {
    const data = copyOfData(`log-${name}`);
    await damage(join(data, 'lm.wal'));
    expectRefusal(await site.lm(site.serveArgs({ data })), 65);
  });

  test.each([
    ['missing', () => undefined],
    ['empty', (path: string) => mkdirSync(path, { mode: 0o700 })],
    ['a file', (path: string) => Bun.write(path, 'x')],
    ['open to others', openToOthers],
  ])('the directory is %s', async (name, make) => {
    const data = site.file(`dir-${name}`);
    await make(data);
    expectRefusal(await site.lm(site.serveArgs({ data })), 78);
  });

  test.skipIf(!isRoot)('it belongs to somebody else', async () => {
    const data = copyOfData('foreign');
    chmodSync(site.path, 0o755);
    chmodSync(site.file('east'), 0o755);
    const serve = (args: string[]) => run([...asNobody, executable(), ...args], { cwd: '/' });
    expectRefusal(await serve(site.serveArgs({ data })), 78, 'permission denied');
    chownSync(data, NOBODY, NOBODY);
    expectRefusal(await serve(site.serveArgs({ data })), 78, 'permission denied');
    chownSync(join(data, 'lm.mdb'), NOBODY, NOBODY);
    chmodSync(join(data, 'lm.mdb'), 0o400);
    expectRefusal(await serve(site.serveArgs({ data })), 78, 'permission denied');
    expectRefusal(await serve(['pool', 'init', 'x', '127.0.0.1', '-o', site.file('mine')]), 78);
  });
});

describe('what else is in the way', () => {
  test('a used port, whoever uses it; the next start finds all', async () => {
    for (const host of ['127.0.0.1', '::']) {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(site.port, host, resolve));
      expectRefusal(await site.lm(site.serveArgs()), 78, 'port is in use');
      await new Promise((resolve) => other.close(resolve));
    }
    await expectAllThere();
  });

  test('a second server on one directory; a relative path to it is as good', async () => {
    const server = await site.serve({ data: 'east/servers/A' });
    const elsewhere = ['--listen', '127.0.0.1:1'];
    const second = await site.lm(['serve', '--data', site.data, ...elsewhere]);
    expectRefusal(second, 78, `process ${server.pid}`);
    expect(await seatsOf(server)).toEqual(held);
    expect(await server.stop()).toBe(0);
  });

  test('wrong flags, an RLF that is none, an address that this machine has not', async () => {
    const { data } = site;
    const listen = (to: string) => site.lm(['serve', '--data', data, '--listen', to]);
    const [nowhere, high, words, rejoin, noData, noRlf, notRlf] = await Promise.all([
      listen('192.0.2.7:5930'),
      listen('127.0.0.1:70000'),
      listen('here'),
      site.lm(['serve', '--data', data, '--rejoin']),
      site.lm(['serve']),
      site.lm(['serve', '--data', data, '--rlf', 'none.toml']),
      site.lm(['serve', '--data', data, '--rlf', site.card]),
    ]);
    expectRefusal(high, 64);
    expectRefusal(words, 64);
    expectRefusal(rejoin, 78);
    expectRefusal(noData, 64, 'data');
    expectRefusal(noRlf, 65);
    expectRefusal(notRlf, 65);
    // Those that came as far as the lock may have met each other there.
    expect([78, 78]).toEqual([nowhere.code, rejoin.code]);
    await expectAllThere();
  });

  test.skipIf(!isRoot)('a temporary directory that is missing, read-only or noexec', async () => {
    await mounted({ name: 'ro', options: 'ro' }, async (readOnly) => {
      await mounted({ name: 'noexec', options: 'noexec' }, async (noexec) => {
        for (const TMPDIR of [site.file('no-such-folder'), readOnly, noexec]) {
          const env = { TMPDIR, BUN_TMPDIR: TMPDIR };
          const server = await site.serve({ env });
          expect(await seatsOf(server)).toEqual(held);
          expect(await server.stop()).toBe(0);
        }
        const nowhere = { TMPDIR: site.file('no-such-folder') };
        expectRefusal(await site.lm(['dev'], { env: nowhere }), 78);
      });
    });
  });

  test.skipIf(!isRoot)('no node_modules and no sources in sight', async () => {
    const root = join(import.meta.dir, '../..');
    const hide = `mount -t tmpfs tmpfs '${root}' && exec "$@"`;
    const prefix = ['unshare', '-m', 'sh', '-c', hide, 'sh'];
    const server = await site.serve({ prefix });
    expect(await seatsOf(server)).toEqual(held);
    expect(await server.stop()).toBe(0);
    for (const args of [['version', '--json'], ['help'], ['exec', '--help'], ['rlf', 'template']]) {
      const ran = await run([...prefix, executable(), ...args]);
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    }
  });
});

describe.skipIf(!isRoot)('a full disk', () => {
  test('while it serves: it ends with 78; with room again, all granted is there', async () => {
    await mounted({ name: 'disk', options: 'size=2m' }, async (disk) => {
      const data = join(disk, 'A');
      cpSync(site.data, data, { recursive: true });
      const server = await site.serve({ data });
      const granted = new Set(await fill(server));
      expect(await server.exited).toBe(78);
      const last = server.log.at(-1);
      expect(last).toMatchObject({ level: 'error', code: 'config' });
      expect(last?.message).toContain('no space is left');
      expect(server.stderr).not.toContain('"stack"');
      // With pages free inside its file it may serve again for a while.
      const full = await site.serve({ data }).catch((error: Error) => error.message);
      if (full instanceof Server) await full.kill();
      else expect(full).toContain('no space is left');
      await run(['mount', '-o', 'remount,size=64m', disk]);
      const again = await site.serve({ data });
      const there = new Set(await seatsOf(again));
      expect([...granted].filter((id) => !there.has(id))).toEqual([]);
      expect(held.filter((id) => !there.has(id))).toEqual([]);
      expect(await again.stop()).toBe(0);
    });
  });

  test('for what the other commands write: nothing is half written', async () => {
    await mounted({ name: 'full', options: 'size=2m' }, async (disk) => {
      cpSync(site.file('east/admin.key'), join(disk, 'admin.key'));
      cpSync(site.rlf, join(disk, 'pool.toml'));
      await Bun.write(join(disk, 'a.lic'), await licenseFile());
      const before = await Bun.file(join(disk, 'pool.toml')).text();
      await run(['dd', 'if=/dev/zero', `of=${disk}/ballast`, 'bs=4k']);
      const options = { cwd: disk };
      const refused = await Promise.all([
        site.lm(['rlf', 'add', 'a.lic'], options),
        site.lm(['rlf', 'sign', 'pool.toml', '--bump'], options),
        site.lm(['keys', 'new', 'k'], options),
        site.lm(['pool', 'init', 'p', '127.0.0.1'], options),
      ]);
      for (const ran of refused) expectRefusal(ran, 78, 'space');
      expect(await Bun.file(join(disk, 'pool.toml')).text()).toBe(before);
      const left = (await run(['ls', '-A', disk])).stdout.split('\n').filter((name) => name !== '');
      expect(left.sort()).toEqual(['a.lic', 'admin.key', 'ballast', 'pool.toml']);
    });
  });
});

/** Asks for seats until the server ends; the ids that it acknowledged. */
async function fill(server: Server): Promise<string[]> {
  const granted: string[] = [];
  const onMessage = (message: Message) => {
    if (message[0] === MessageType.grant) more();
    return false;
  };
  const client = await RawClient.greet(site.port, { onMessage });
  const more = () => {
    if (!server.ended)
      take(client).then(
        (id) => granted.push(id),
        () => undefined,
      );
  };
  for (let i = 0; i < 200; i++) more();
  await server.exited;
  return granted;
}

async function take(client: RawClient): Promise<string> {
  const key = newKey();
  const [type] = await client.ask(MessageType.request, ...wish(key, 'App'));
  expect(type).toBe(MessageType.grant);
  return Bun.SHA256.hash(key, 'hex').slice(0, 32);
}

async function seatsOf(server: Server): Promise<string[]> {
  expect(server.ended).toBe(false);
  const client = await RawClient.greet(site.port);
  const seats = await seatsAt(client);
  client.close();
  return seats;
}

async function seatsAt(client: RawClient): Promise<string[]> {
  const { authorizations } = await rawStatus(client);
  return authorizations.map(([id]) => Buffer.from(id as Uint8Array).toString('hex')).sort();
}

async function expectAllThere(): Promise<void> {
  const server = await site.serve();
  expect(await seatsOf(server)).toEqual(held);
  expect(await server.stop()).toBe(0);
}

function copyOfData(name: string): string {
  const data = site.file(`data-${name}`);
  cpSync(site.data, data, { recursive: true });
  return data;
}

async function licenseFile(): Promise<string> {
  const names = ['--vendor', 'Acme', '--key', 'vendor.key', '--application', 'B'];
  return (
    await site.ok(['code', 'sign', ...names, '--version', '1', '--limit', '1', '--any-customer'])
  ).stdout;
}

/** A file system of its own for a while. */
async function mounted(
  { name, options }: { name: string; options: string },
  work: (path: string) => Promise<void>,
): Promise<void> {
  const path = site.file(`mount-${name}`);
  mkdirSync(path);
  const mount = await run(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  if (mount.code !== 0) throw new Error(mount.stderr);
  try {
    await work(path);
  } finally {
    await run(['umount', '-l', path]);
  }
}

async function overwrite(file: string, at: number, bytes: Uint8Array): Promise<void> {
  const whole = new Uint8Array(await Bun.file(file).arrayBuffer());
  whole.set(bytes, at);
  await Bun.write(file, whole);
}

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function folderInstead(file: string): void {
  rmSync(file);
  mkdirSync(file);
}

function openToOthers(path: string): void {
  cpSync(site.data, path, { recursive: true });
  chmodSync(path, 0o750);
}

async function otherDatabase(file: string): Promise<void> {
  rmSync(file);
  const database = open({ path: file, noSubdir: true });
  await database.put('table', { rows: 3 });
  await database.close();
}
