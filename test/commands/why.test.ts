/** `lm why` against a real server, and its words by themselves. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { whyWords } from '../../src/commands/shared/why-words.ts';
import type { WhyDocument } from '../../src/net/client/why.ts';
import { hasMachineId } from '../e2e/machine-id.ts';
import { Site } from '../e2e/site.ts';

const pool = new Site();
beforeAll(async () => {
  await pool.found([
    { application: 'App', limit: 2 },
    { application: 'Away', limit: 3, terms: ['--commuter-days', '7', '--commuter-share', '0.5'] },
  ]);
  await pool.serve();
});
afterAll(() => pool.close());

interface Document {
  readonly verdict: { readonly code: string; readonly details: Record<string, unknown> };
  readonly holders: readonly { readonly since: string; readonly user: string }[];
}

const ask = async (...args: string[]) => {
  return (await pool.ask(['why', 'App', ...args])) as unknown as Document;
};

describe('lm why', () => {
  test('a seat could be had: exit 0, and nothing is taken', async () => {
    const { code, stdout, stderr } = await pool.client(['why', 'App', '-n', '2']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(
      'Yes: 2 seats of App 1.0 would be granted now: server A has 2 free.\n' +
        'Rule: seats. 2 asked for; 2 free at server A, 0 in the free pool.\n' +
        'So says server A, the leader, of pool east.\n',
    );
    expect(stdout).toContain('Nobody is known to hold a seat of it.\n');
    expect(await ask()).toMatchObject({ license: { inUse: 0 }, holders: [] });
  });

  test('all are in use: exit 0, who holds them since when, and never a key', async () => {
    const first = await pool.client(['request', 'App']);
    const second = await pool.client(['request', 'App']);
    const { code, stdout } = await pool.client(['why', 'App']);
    expect(code).toBe(0);
    expect(stdout).toContain('No (all-in-use): All 2 seats of App 1.0 are in use.\n');
    expect(stdout).toContain('A                  2       2          0\n');
    expect(stdout).toContain('Who holds its seats, the oldest first:\nID ');
    expect(stdout).toContain('What to do: Try again later, or wait in the line with --wait.\n');
    expect(stdout).not.toContain('lmk1_');
    const document = await ask();
    expect(document).toMatchObject({
      ...{ application: 'App', pool: 'east', server: 'A', leader: 'A', partial: false },
      verdict: { code: 'all-in-use', details: { rule: 'seats', hardLimit: 2, requested: 1 } },
      license: { vendor: 'Acme', application: 'App', version: '1.0', inUse: 2 },
      unreached: [],
    });
    const [older, newer, ...none] = document.holders;
    expect(none).toEqual([]);
    expect(String(older?.since) <= String(newer?.since)).toBe(true);
    for (const { stdout: stdin } of [first, second]) {
      await pool.client(['release', '-'], { stdin });
    }
  });

  test('--user and --host list what they hold', async () => {
    const { stdout: stdin } = await pool.client(['request', 'App']);
    const username = (await ask()).holders[0]?.user ?? '';
    const own = await pool.client(['why', 'App', '--user', username]);
    expect(own.stdout).toContain(`${username} holds of App already 1:\nID `);
    expect(await ask('--user', username)).toMatchObject({ held: [{ count: 1 }] });
    const other = await pool.client(['why', 'App', '--user', username, '--host', 'elsewhere']);
    expect(other.stdout).toContain(`${username} on elsewhere holds no seat of App.\n`);
    await pool.client(['release', '-'], { stdin });
  });

  test('other rules: what is not licensed, and more than the limit', async () => {
    const unknown = await pool.ask(['why', 'Other']);
    expect(unknown).toMatchObject({ verdict: { code: 'unknown-application' }, license: null });
    expect((await ask('-n', '3')).verdict).toMatchObject({
      ...{ code: 'exceeds-limit', details: { rule: 'limit' } },
    });
    const version = await pool.client(['why', 'App', '--version', '1.1', '--vendor', 'Acme']);
    expect(version.code).toBe(0);
    expect(version.stdout).toContain('No (version-not-licensed): ');
  });

  test.skipIf(!hasMachineId)(
    'a seat that is checked out, and what may be checked out',
    async () => {
      await pool.ask(['commute', 'out', 'Away', '--days', '3', '-o', 'away.seat']);
      const all = await pool.client(['why', 'Away', '-n', '3']);
      expect(all.code).toBe(0);
      expect(all.stdout).toContain(
        '3 seats of Away 1.0 were asked for and 2 are free; 1 of its 3 are held or commuted.\n' +
          'Rule: seats. 3 asked for; 2 free at server A, 0 in the free pool, 2 known in all, ' +
          '1 checked out.\n',
      );
      expect(all.stdout).toContain('Nobody is known to hold a seat of it.\n');
      expect(all.stdout).toContain('Checked out, each back by itself an hour after its end:\nID ');
      const policy = 'At most 1 of its seats may be checked out at once, for 7 days at most.\n';
      expect(all.stdout).toContain(policy);
      expect(all.stdout).toContain('Or have one checked in where it is: lm commute in.\n');
      expect(all.stdout).not.toContain('lm evict');
      const out = await pool.client(['why', 'Away', '--days', '3']);
      expect([out.code, out.stderr]).toEqual([0, '']);
      expect(out.stdout).toContain(
        'Rule: policy. At most 1 may be checked out at once; 1 are, 1 asked for.\n',
      );
      const { verdict } = (await pool.ask(['why', 'Away', '--days', '8'])) as unknown as Document;
      expect(verdict).toMatchObject({
        ...{ code: 'denied-by-policy', details: { rule: 'policy', days: 8, commuterDays: 7 } },
      });
      await pool.ask(['commute', 'in', 'away.seat']);
      const back = await pool.client(['why', 'Away', '--days', '7']);
      expect(back.stdout).toContain('Yes: 1 seat of Away 1.0 would be checked out now: ');
      expect(back.stdout).toContain(policy);
      expect(back.stdout).not.toContain('Checked out, ');
    },
  );

  test('what could not be asked is an error as everywhere', async () => {
    const none = ['--servers', '127.0.0.1:1', '--insecure'];
    expect((await pool.lm(['why', 'App', ...none])).code).toBe(69);
    expect((await pool.client(['why', 'App', '--version', 'x'])).code).toBe(64);
    expect((await pool.client(['why'])).code).toBe(64);
  });
});

const START = Date.UTC(2026, 0, 15);

function documentOf(code: string, details: object, more: Partial<WhyDocument> = {}): WhyDocument {
  const verdict = { code, message: 'M.', hint: 'H.', details: { server: 'B', ...details } };
  const known = { pool: 'east', application: 'App', verdict, server: 'B', leader: 'A' };
  const rest = { license: null, servers: [], holders: [], partial: false, unreached: [] };
  return { ...known, ...rest, ...more };
}

function holder(at: number): WhyDocument['holders'][number] {
  const since = new Date(START + at * 1_000).toISOString();
  return {
    ...{ id: `id-${at}`, vendor: 'Acme', application: 'App', version: '1.0', count: 1 },
    ...{ server: 'A', user: `u${at}`, host: 'h', pid: 1, address: '::1' },
    ...{ since, expiresAt: since, state: 'active' },
  };
}

describe('the words', () => {
  const ruleOf = (code: string, details: object) => {
    return whyWords(documentOf(code, details), { now: START }).split('\n')[1];
  };

  const CONTACT = { needed: 2, servers: 3, up: ['A'] };
  test.each([
    [
      ...(['no-majority', { rule: 'majority', majority: CONTACT }] as const),
      'Majority rule: without 2 of 3 servers in contact no seat is issued; up: A.',
    ],
    [
      ...(['expired', { rule: 'dates', expired: '2026-01-01T00:00:00.000Z' }] as const),
      'dates. The license ended on 2026-01-01T00:00:00.000Z.',
    ],
    [
      ...(['not-yet-valid', { rule: 'dates', begins: '2027-01-01T00:00:00.000Z' }] as const),
      'dates. The license begins on 2027-01-01T00:00:00.000Z.',
    ],
    [
      ...(['denied-by-policy', { rule: 'policy', days: 8, commuterDays: 7 }] as const),
      'policy. Check-outs last 7 days at most; 8 asked for.',
    ],
    [
      ...(['exceeds-limit', { rule: 'limit', requested: 5, hardLimit: 4 }] as const),
      'limit. 5 asked for; the license has 4 in all.',
    ],
    [
      ...(['all-in-use', { rule: 'deficit', deficit: 3 }] as const),
      'deficit. Each seat that comes back pays for the lower limit: 3 to go.',
    ],
    [
      ...(['all-in-use', { rule: 'line', waiting: 1, orMore: true, free: 4 }] as const),
      'line. First come, first served, over all servers: 1 or more waiting, 4 free.',
    ],
    [
      ...([
        'all-in-use',
        { rule: 'seats', requested: 2, available: 1, freePool: 0, free: 1 },
      ] as const),
      'seats. 2 asked for; 1 free at server B, 0 in the free pool, 1 known in all.',
    ],
  ])('the rule of %s %o', (code, details, words) => {
    expect(ruleOf(code, details)).toBe(`Rule: ${words}`);
  });

  test('servers that are lost, and what that means for their seats', () => {
    const lendableAt = new Date(START + 58_000).toISOString();
    const lost = [
      { server: 'A', state: 'down', allocated: 4, lendableAt: null },
      { server: 'C', state: 'fenced', allocated: 3, lendableAt },
      { server: 'D', state: 'opened', allocated: 2, lendableAt: null },
    ];
    const words = whyWords(documentOf('granted', { rule: 'seats', lost }), { now: START });
    expect(words).toContain(
      [
        "Server A is down: its 4 seats can't be lent until it is back, " +
          'or fenced and its keys have ended.',
        `Server C is fenced: its 3 seats can't be lent until ${lendableAt} (in 58s).`,
        'Server D is opened: its 2 seats can be lent to the others.',
        '',
      ].join('\n'),
    );
    const servers = [
      { name: 'A', state: 'up' },
      { name: 'B\u001b[2J', state: 'down' },
    ];
    const unknown = documentOf('unknown-application', { rule: 'license' }, { servers });
    const told = whyWords(unknown, { now: START });
    expect(told).toContain('\nServer B\\x1b[2J is down.\n');
    expect(told).not.toContain('Server A is');
  });

  test('twenty holders of the license, and how many more there are', () => {
    const holders = Array.from({ length: 23 }, (_, at) => holder(at));
    const license = { vendor: 'Acme', application: 'App', version: '1.0', hardLimit: 23 };
    const others = [
      { ...holder(50), version: '2.0' },
      { ...holder(51), vendor: 'Bolt' },
    ];
    const document = documentOf(
      'all-in-use',
      { rule: 'seats' },
      { license, holders: [...holders, ...others] },
    );
    const words = whyWords(document, { now: START });
    expect([...(words.match(/^id-\d+/gm) ?? [])]).toEqual(holders.slice(0, 20).map(({ id }) => id));
    expect(words).toContain('\nand 3 more\n');
    expect(words).toContain('Or have an administrator end one: lm evict ID.\n');
    expect(words).toContain('Acme: App 1.0, limit 23\n');
  });
});
