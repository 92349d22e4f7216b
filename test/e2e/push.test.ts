/** SIGHUP: a newer RLF while seats are in use, and those that are refused by name (section 9). */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { executable } from './executable.ts';
import { keyFrom, RlfWriter, type WrittenLicense } from './rlf-writer.ts';
import type { ShownLicense } from './seat-book.ts';
import type { LogLine, Server } from './server.ts';
import { type Answer, Session } from './session.ts';
import { Site } from './site.ts';

const site = new Site();
let server: Server;
let session: Session;
let writer: RlfWriter;
/** By application, in the order in which the codes were added. */
const codes = { raised: [] as Code[], lowered: [] as Code[], removed: [] as Code[] };
let sequence = 0;

type Code = WrittenLicense;

beforeAll(async () => {
  await site.found([
    { application: 'Raised', limit: 2 },
    { application: 'Raised', limit: 3, allocated: 1 },
    { application: 'Lowered', limit: 3, allocated: 2 },
    { application: 'Lowered', limit: 4 },
    { application: 'Removed', limit: 2 },
  ]);
  const text = await Bun.file(site.rlf).text();
  const { vendors, sequence: signed } = await site.json(['rlf', 'verify', site.rlf]);
  writer = new RlfWriter(text, vendors as { name: string; key: string }[]);
  sequence = Number(signed);
  const tokens = [...text.matchAll(/^code = "(.*)"$/gm)].map(([, token = '']) => token);
  const all = tokens.map((token, i): Code => ({ token, allocated: i === 1 ? 1 : null }));
  codes.raised = all.slice(0, 2);
  codes.lowered = all.slice(2, 4);
  codes.removed = all.slice(4);
  put(++sequence, [...codes.raised.slice(0, 1), ...codes.lowered, ...codes.removed]);
  server = await site.serve();
  session = Session.open(site);
});
afterAll(() => site.close());

test('a raised limit serves who was denied before', async () => {
  await seats('Raised', 2);
  expect(await refusal('Raised')).toBe('all-in-use');
  const waits = session.request({ application: 'Raised', count: 2, waitMs: 60_000 });
  await push([...codes.raised, ...codes.lowered, ...codes.removed]);
  expect(await waits).toMatchObject({ ok: true, count: 2 });
  await seats('Raised', 1);
  expect(await refusal('Raised')).toBe('all-in-use');
  expect(await license('Raised')).toMatchObject({ hardLimit: 5, inUse: 5, deficit: 0 });
});

test('a lowered one leaves a deficit, which only shrinks; a removed one runs out', async () => {
  const [a, b, c] = [
    await seats('Lowered', 3),
    await seats('Lowered', 2),
    await seats('Lowered', 2),
  ];
  const last = await seats('Removed', 2);
  await push([...codes.raised, ...codes.lowered.slice(0, 1)]);
  expect(await license('Lowered')).toMatchObject({ hardLimit: 3, inUse: 7, deficit: 4 });
  expect(await license('Removed')).toMatchObject({ hardLimit: 0, inUse: 2, deficit: 2 });
  expect(await refusal('Lowered')).toBe('all-in-use');
  expect(await refusal('Removed')).toBe('unknown-application');
  await session.release(b.seat);
  expect(await license('Lowered')).toMatchObject({ inUse: 5, deficit: 2, available: 0 });
  expect(await refusal('Lowered')).toBe('all-in-use');
  await session.release(a.seat);
  expect(await license('Lowered')).toMatchObject({ inUse: 2, deficit: 0, available: 1 });
  await seats('Lowered', 1);
  await session.release(c.seat);
  await session.release(last.seat);
  expect(await license('Removed')).toBeUndefined();
});

test('what may not follow is refused by name, and the server goes on', async () => {
  const good = [...codes.raised, ...codes.lowered];
  copyFileSync(site.rlf, site.file('in-force.toml'));
  put(sequence - 1, good);
  expect(await hangup('older')).toMatchObject({ offered: sequence - 1, inForce: sequence });
  put(sequence, good);
  expect(await refused()).toMatchObject({
    code: 'bad-data',
    reason: expect.stringContaining('sequence'),
  });
  writeFileSync(site.rlf, writer.write(sequence + 1, good));
  expect(await refused()).toMatchObject({
    code: 'bad-data',
    reason: expect.stringContaining('not signed'),
  });
  await site.ok(['keys', 'new', 'other.key']);
  const foreign = writer.write(sequence + 1, good);
  await site.ok(['pool', 'init', 'west', '127.0.0.1:5930', '--key', 'east/admin.key']);
  copyFileSync(site.file('west/pool.toml'), site.rlf);
  expect((await refused())['code']).toBe('bad-data');
  const renamed = foreign.replace('name = "east"', 'name = "west"');
  put(sequence + 1, good, renamed);
  expect(await refused()).toMatchObject({
    code: 'bad-data',
    reason: expect.stringContaining('west'),
  });
  const stranger = keyFrom(site.file('other.key'));
  const taken = foreign.replace(/^admin = ".*"/m, `admin = "${stranger.publicKey}"`);
  put(sequence + 1, good, taken, 'other.key');
  expect((await refused())['code']).toBe('untrusted');
  writeFileSync(site.rlf, '\u001b[2J = { not TOML');
  expect((await refused())['code']).toBe('bad-data');
  renameSync(site.rlf, `${site.rlf}.gone`);
  expect((await refused())['code']).toBe('bad-data');
  expect((await site.ask(['status']))['rlf']).toMatchObject({ sequence });
  await seats('Lowered', 1);
  copyFileSync(site.file('in-force.toml'), site.rlf);
});

test('a restart serves the RLF in force, or names what is wrong with the file', async () => {
  await session.end();
  expect(await server.stop()).toBe(0);
  put(sequence, codes.raised);
  const ran = await site.lm(site.serveArgs());
  expect(ran.code).toBe(65);
  expect(ran.stderr).toContain(`sequence ${sequence} too`);
  copyFileSync(site.file('in-force.toml'), site.rlf);
  server = await site.serve();
  expect((await site.ask(['status']))['rlf']).toMatchObject({ sequence });
});

/** Takes seats that have to be there. */
async function seats(application: string, count: number): Promise<Answer> {
  const answer = await session.request({ application, count });
  expect(answer).toMatchObject({ ok: true, application, count });
  return answer;
}

async function refusal(application: string): Promise<string | undefined> {
  return (await session.request({ application })).error?.code;
}

async function license(application: string): Promise<ShownLicense | undefined> {
  const { licenses } = await site.ask(['status']);
  return (licenses as ShownLicense[]).find((one) => one.application === application);
}

/** Puts the next RLF in force. */
async function push(licenses: readonly Code[]): Promise<void> {
  put(++sequence, licenses);
  await hangup('the RLF was read again');
}

/** Signs with the command, as an administrator does. */
function put(
  number: number,
  licenses: readonly Code[],
  text?: string,
  key = 'east/admin.key',
): void {
  writeFileSync(site.rlf, text ?? writer.write(number, licenses));
  const signed = Bun.spawnSync([executable(), 'rlf', 'sign', site.rlf, '--key', key], {
    cwd: site.path,
  });
  if (signed.exitCode !== 0) throw new Error(signed.stderr.toString());
}

async function refused(): Promise<LogLine> {
  const line = await hangup('the RLF was refused');
  expect(line.level).toBe('error');
  expect(line['hint']).toBeString();
  return line;
}

/** SIGHUP, and what the log then says. */
async function hangup(message: string): Promise<LogLine> {
  const from = server.log.length;
  server.signal('SIGHUP');
  return await server.logged(message, from);
}
