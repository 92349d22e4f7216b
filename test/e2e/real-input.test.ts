/** The main job on real input (issue 2, "Real input"): an RLF of 300 licenses, all of it driven. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { signCode } from '../../src/engine/license/code.ts';
import { type SigningKey, thumbprint } from '../../src/engine/license/keys.ts';
import { KEY_LIFETIME_MS_DEFAULT } from '../../src/engine/limits.ts';
import {
  Expected,
  limitOf,
  type RealCode,
  type RealLicense,
  realLicenses,
  VENDORS,
} from './real-licenses.ts';
import { keyFrom, RlfWriter, type WrittenLicense } from './rlf-writer.ts';
import type { ShownLicense } from './seat-book.ts';
import type { Server } from './server.ts';
import { Session } from './session.ts';
import { Site } from './site.ts';

interface Shown extends ShownLicense {
  readonly vendor: string;
  readonly version: string;
  readonly available: number;
}

const DATES: Record<RealCode['dates'], { notBefore: number | null; expires: number | null }> = {
  none: { notBefore: null, expires: null },
  current: { notBefore: Date.UTC(2020, 0, 1), expires: Date.UTC(2199, 11, 31) },
  past: { notBefore: Date.UTC(2020, 0, 1), expires: Date.UTC(2021, 5, 30) },
  future: { notBefore: Date.UTC(2199, 0, 1), expires: null },
};

const site = new Site();
const licenses = realLicenses();
const expected = new Expected(licenses);
let server: Server;
let session: Session;

beforeAll(async () => {
  await site.found();
  await Promise.all(VENDORS.map((name) => site.ok(['keys', 'new', `${name}.key`])));
  const keys = new Map(VENDORS.map((name) => [name as string, keyFrom(site.file(`${name}.key`))]));
  const admin = keyFrom(site.file('east/admin.key'));
  const written = licenses.flatMap((license) => {
    const key = keys.get(license.vendor) ?? admin;
    return license.codes.map((code): WrittenLicense => {
      return { token: tokenOf(license, code, { key, admin }), allocated: code.allocated };
    });
  });
  const vendors = [...keys].map(([name, { publicKey }]) => ({ name, key: publicKey }));
  const writer = new RlfWriter(await Bun.file(site.rlf).text(), vendors);
  await Bun.write(site.rlf, writer.write(1, written));
  await site.ok(['rlf', 'sign', site.rlf, '--bump']);
  server = await site.serve();
  session = Session.open(site);
});
afterAll(() => site.close());

test('the RLF says what was written', async () => {
  const verified = await site.json(['rlf', 'verify', site.rlf]);
  const read = verified['licenses'] as { hardLimit: number; codes: unknown[] }[];
  expect(read.length).toBe(300);
  const sum = (of: (license: RealLicense) => number) =>
    licenses.reduce((total, one) => total + of(one), 0);
  const all = ({ codes }: RealLicense) => codes.reduce((total, { limit }) => total + limit, 0);
  expect(read.reduce((total, { hardLimit }) => total + hardLimit, 0)).toBe(sum(all));
  expect(read.flatMap(({ codes }) => codes).length).toBe(sum(({ codes }) => codes.length));
});

test('every license asked once: each grant and each denial as the RLF has it', async () => {
  const answers = await Promise.all(licenses.map((one) => session.request(wishFor(one))));
  for (const [i, answer] of answers.entries()) {
    const license = licenses[i];
    if (license === undefined) continue;
    const due = expected.request(license);
    if (typeof due === 'string') {
      expect(answer).toMatchObject({ ok: false, error: { code: due } });
      expect(answer.error?.message).toEndWith('.');
      expect(answer.error?.hint).not.toBe('');
    } else {
      const { vendor, application, version } = due;
      expect(answer).toMatchObject({ ok: true, vendor, application, version, count: 1 });
    }
  }
  // All kinds came up, or this showed less than it says.
  const codes = new Set(answers.map(({ error }) => error?.code ?? 'granted'));
  expect([...codes].sort()).toEqual(['all-in-use', 'expired', 'granted', 'not-yet-valid']);
});

test('a second round takes the last seats, and the next finds them in use', async () => {
  for (const count of [1, 39, 60_000]) {
    const wishes = licenses.map((one) => session.request({ ...wishFor(one), count }));
    const got = (await Promise.all(wishes)).map(({ error, version }) => error?.code ?? version);
    const due = licenses.map((one) => {
      const serving = expected.request(one, count);
      return typeof serving === 'string' ? serving : serving.version;
    });
    expect(got).toEqual(due);
  }
});

test('the sums that status shows are those of the RLF and of the seats taken', async () => {
  const status = await site.ask(['status']);
  expect(status).toMatchObject({ pool: 'east', rlf: { sequence: 2 }, majority: true });
  const shown = status['licenses'] as Shown[];
  expect(shown.length).toBe(300);
  for (const license of licenses) {
    const { vendor, application, version } = license;
    const row = shown.find(
      (one) => one.vendor === vendor && one.application === application && one.version === version,
    );
    const [limit, inUse] = [limitOf(license), expected.inUse(license)];
    expect(row).toMatchObject({ hardLimit: limit, inUse, deficit: 0, available: limit - inUse });
    const allocated = row?.distribution.reduce((sum, one) => sum + one.allocated, 0) ?? 0;
    expect(allocated + (row?.freePool ?? 0)).toBe(limit);
  }
  const listed = status['authorizations'] as { count: number }[];
  const inUse = licenses.reduce((sum, one) => sum + expected.inUse(one), 0);
  expect(listed.reduce((sum, { count }) => sum + count, 0)).toBe(inUse);
  const { stdout } = await site.client(['status', '--application', '👩‍🔬 Lab']);
  expect(stdout).toContain('👩‍🔬 Lab');
  expect(stdout).not.toContain('CAD');
});

test('lm request: grants, denials and their exit codes', async () => {
  const some = (due: (license: RealLicense) => boolean) => {
    const found = licenses.find((one) => expected.alone(one) && due(one));
    if (found === undefined) throw new Error('no license fits');
    return found;
  };
  const free = some((one) => limitOf(one) > expected.inUse(one) + 5);
  const full = some((one) => limitOf(one) > 0 && limitOf(one) === expected.inUse(one));
  const over = some((one) => one.codes.every(({ dates }) => dates === 'past'));
  const coming = some((one) => one.codes.every(({ dates }) => dates === 'future'));
  const flags = ({ vendor, version }: RealLicense) => ['--vendor', vendor, '--version', version];
  const ask = (one: RealLicense, ...more: string[]) =>
    site.client(['request', '--json', ...flags(one), ...more, '--', one.application]);
  const cases: [string, ReturnType<typeof ask>, number, string][] = [
    ['full', ask(full), 75, 'all-in-use'],
    ['full, with patience', ask(full, '--wait', '300ms'), 124, 'timeout'],
    ['over', ask(over), 77, 'expired'],
    ['coming', ask(coming), 77, 'not-yet-valid'],
    ['too many', ask(free, '-n', '900000'), 77, 'exceeds-limit'],
    ['too new', ask({ ...free, version: '999' }), 77, 'version-not-licensed'],
    ['unknown', ask({ ...free, application: 'Cad' }), 77, 'unknown-application'],
    ['none of it', ask({ ...free, vendor: 'Nobody' }), 77, 'unknown-application'],
    ['whose?', site.client(['request', '--json', 'CAD']), 77, 'unknown-application'],
    ['no number', ask(free, '-n', '0'), 64, 'usage'],
  ];
  const granted = ask(free);
  for (const [what, asked, exit, code] of cases) {
    const { code: exited, stdout, stderr } = await asked;
    const { error } = JSON.parse(stdout) as { error: { code: string } };
    expect([what, exited, error.code]).toEqual([what, exit, code]);
    expect(stderr).not.toContain('    at ');
  }
  const { code, stdout } = await granted;
  const seat = JSON.parse(stdout) as Record<string, unknown>;
  expect(code).toBe(0);
  const { vendor, application, version } = free;
  expect(seat).toMatchObject({ vendor, application, version, count: 1, server: 'A' });
  const stdin = String(seat['key']);
  const released = await site.client(['release', '-', '--json'], { stdin });
  expect(JSON.parse(released.stdout)).toEqual({ released: true, count: 1 });
});

test('a name is one in every Unicode form; a session that ends gives all back', async () => {
  const free = licenses.find((one) => {
    const decomposes = one.application !== one.application.normalize('NFD');
    return decomposes && expected.alone(one) && limitOf(one) > expected.inUse(one);
  });
  const application = free?.application ?? '';
  const { vendor } = free ?? {};
  const asked = { vendor, application: application.normalize('NFD') };
  expect(await session.request(asked)).toMatchObject({ ok: true, application });
  expect(await session.end()).toBe(0);
  const { authorizations } = await site.ask(['status']);
  expect(authorizations).toEqual([]);
  expect(await server.stop()).toBe(0);
  expect(server.log.filter(({ level }) => level === 'error')).toEqual([]);
});

function wishFor({ vendor, application, version }: RealLicense) {
  return { vendor, application, version };
}

function tokenOf(
  { vendor, application, version }: RealLicense,
  { limit, dates }: RealCode,
  { key, admin }: { key: SigningKey; admin: SigningKey },
): string {
  return signCode(
    {
      id: crypto.randomUUID(),
      ...{ vendor, application, version, limit },
      issuedAt: Date.UTC(2026, 0, 1),
      ...DATES[dates],
      customer: thumbprint(admin.publicKey),
      keyLifetimeMs: KEY_LIFETIME_MS_DEFAULT,
      commuterDays: 0,
      commuterShare: 0,
      onExpiry: 'stop',
    },
    key,
  );
}
