/** `lm status` against a real server, and its table by itself. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { gapWords, statusWords } from '../../src/commands/shared/status-words.ts';
import { table } from '../../src/commands/shared/table.ts';
import { until } from '../client/until.ts';
import { executable } from '../e2e/executable.ts';
import { Site } from '../e2e/site.ts';
import { environment } from './run-lm.ts';

const pool = new Site();
beforeAll(async () => {
  await pool.found([{ application: 'App', limit: 3 }]);
  await pool.serve();
});
afterAll(() => pool.close());

test('shows the distribution table and who holds seats, and never a key', async () => {
  const asked = await pool.client(['request', 'App', '-n', '2']);
  const { code, stdout } = await pool.client(['status']);
  expect(code).toBe(0);
  expect(stdout).toContain('pool east, RLF 2, leader A, format 1\n');
  expect(stdout).toContain('Acme: App 1.0, limit 3\n');
  expect(stdout).toContain(
    [
      '           ALLOCATED  IN USE  AVAILABLE',
      'A                  3       2          1',
      'free pool          0',
      'pool               3       2          1',
    ].join('\n'),
  );
  expect(stdout).not.toContain('lmk1_');
  const json = await pool.client(['status', '--pool', '--json']);
  expect(json.stdout).not.toContain('lmk1_');
  expect(JSON.parse(json.stdout)).toMatchObject({
    pool: 'east',
    rlf: { sequence: 2 },
    leader: 'A',
    majority: true,
    servers: [{ name: 'A', role: 'leader', state: 'up', priority: 1 }],
    licenses: [{ vendor: 'Acme', application: 'App', hardLimit: 3, available: 1, inUse: 2 }],
    authorizations: [{ application: 'App', count: 2, server: 'A', state: 'active' }],
  });
  await pool.client(['release', '-'], { stdin: asked.stdout });
});

test('--pool takes a card as every client command does', async () => {
  const card = pool.env['LM_POOL'] ?? '';
  const { code } = await pool.lm(['status', '--pool', '--json', '--pool', card]);
  expect(code).toBe(0);
});

test('filters by user', async () => {
  const asked = await pool.client(['request', 'App']);
  const nobody = await pool.ask(['status', '--user', 'nobody-here']);
  expect(nobody['authorizations']).toEqual([]);
  await pool.client(['release', '-'], { stdin: asked.stdout });
});

test('an unreachable pool among others is named beside what is there', async () => {
  const both = `127.0.0.1:${pool.port};127.0.0.1:1`;
  const trust = (await pool.read('east/admin.key.pub')).trim();
  const args = ['status', '--servers', both, '--trust', trust, '--json'];
  const { code, stdout } = await pool.lm(args);
  expect(code).toBe(0);
  const { pools } = JSON.parse(stdout) as { pools: { pool?: string; error?: { code: string } }[] };
  expect(pools.map((one) => one.pool ?? one.error?.code)).toEqual(['east', 'unreachable']);
});

test('--watch tells each change, and ends by a signal', async () => {
  const watching = Bun.spawn([executable(), 'status', '--watch', '--json'], {
    env: environment(pool.env),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = '';
  const reading = (async () => {
    for await (const chunk of watching.stdout) seen += new TextDecoder().decode(chunk);
  })();
  await until(() => seen.includes('\n'), 'it told the state of now', 30_000);
  const asked = await pool.client(['request', 'App']);
  await until(() => seen.split('\n').length > 2, 'it told the change', 30_000);
  await pool.client(['release', '-'], { stdin: asked.stdout });
  watching.kill('SIGINT');
  expect(await watching.exited).toBe(130);
  await reading;
  const inUse = seen
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { licenses: { inUse: number }[] }).licenses[0]?.inUse);
  expect(inUse.slice(0, 2)).toEqual([0, 1]);
});

test('what a server does not know shows as X, and hostile names can move nothing', () => {
  const words = statusWords(
    {
      pool: 'p\u001b[2J',
      servers: [{ name: 'A', address: 'a:1', role: 'follower', state: 'up', rlfSequence: null }],
      licenses: [
        {
          ...{ vendor: 'V', application: '図面\u202e', version: '1', hardLimit: 5 },
          distribution: [{ server: 'A', allocated: 3, inUse: null, available: null }],
        },
      ],
      authorizations: [],
    },
    0,
  );
  expect(words).toContain('pool p\\x1b[2J');
  expect(words).toContain('図面\\u{202e}');
  expect(words).toContain('A                  3       X          X\n');
  expect(words).not.toContain('\u001b');
});

test('a pool that was restarted from survivors says its epoch', () => {
  const document = { pool: 'east', rlf: { sequence: 3 }, epoch: 2, term: 1, leader: 'A' };
  const words = statusWords({ ...document, servers: [], licenses: [], authorizations: [] }, 0);
  expect(words).toStartWith('pool east, RLF 3, epoch 2, leader A\n');
  const first = { ...document, epoch: 1, servers: [], licenses: [], authorizations: [] };
  expect(statusWords(first, 0)).toStartWith('pool east, RLF 3, leader A\n');
});

test('a pool of several: every role and state, X where it is not known, and no majority', () => {
  const document = {
    ...{ pool: 'east', rlf: { sequence: 2 }, term: 3, leader: null, majority: false },
    majorityRule: { needed: 2, servers: 3, up: ['A'] },
    servers: [
      { name: 'A', address: 'a:1', role: 'leader-designate', state: 'up', rlfSequence: 2 },
      { name: 'B', address: 'b:1', role: null, state: 'fenced', rlfSequence: null },
      { name: 'C', address: 'c:1', role: null, state: null, rlfSequence: null },
    ],
    licenses: [],
    ...{ partial: true, unreached: ['B', 'C\u001b[2J'] },
    authorizations: [],
  };
  expect(statusWords(document, 0)).toBe(
    [
      'pool east, RLF 2, no leader known',
      'NO MAJORITY of the servers is in contact: no seat is issued or renewed here.',
      'Majority rule: without 2 of 3 servers in contact no seat is issued; up: A.',
      '',
      'SERVER  ADDRESS  ROLE              STATE   RLF  LM',
      'A       a:1      leader-designate  up        2   X',
      'B       b:1      X                 fenced    X   X',
      'C       c:1      X                 X         X   X',
      '',
      'No license.',
      '',
    ].join('\n'),
  );
  expect(gapWords(document)).toEqual([
    'No leader could be reached: this is what one server knows of the pool.',
    'Could not be asked who holds seats there: B, C\\x1b[2J.',
  ]);
  expect(gapWords({ authorizations: [], unreached: [] })).toEqual([]);
});

test('servers of several versions: what differs from the pool, and that the format can be raised', () => {
  const own = (name: string, version: string | null, protocol: number | null, format: unknown) => {
    return { name, address: 'a:1', role: 'follower', state: 'up', version, protocol, format };
  };
  const servers = [
    own('A', '1.0.0', 1, 1),
    own('B', '1.1.0\u001b', 2, 3),
    own('C', null, null, null),
  ];
  const document = { pool: 'east', format: 1, formatAvailable: null, servers, authorizations: [] };
  const words = statusWords(document, 0);
  expect(words).toContain('pool east, RLF X, no leader known, format 1\n');
  expect(words).toContain('1.0.0 (protocol 1)\n');
  expect(words).toContain('1.1.0\\x1b (protocol 2, format 3)\n');
  expect(words).not.toContain('lm pool upgrade');
  const ready = { ...document, formatAvailable: 2, servers: [own('A', '1.1.0', 2, 2)] };
  expect(statusWords(ready, 0)).toContain('1.1.0 (format 2)\n');
  expect(statusWords(ready, 0)).toContain('All servers understand format 2: lm pool upgrade');
  const none = statusWords({ ...ready, format: 2 }, 0);
  expect(none).toContain(' 1.1.0\n');
  expect(none).not.toContain('lm pool upgrade');
});

test('moves of seats are listed, those under way first', () => {
  const move = { from: 'free-pool', to: 'B', count: 12, reason: 'borrow' };
  const past = { ...move, from: 'C\u001b[2J', count: 3, at: '2026-01-15T00:00:00.000Z' };
  const license = { vendor: 'V', application: 'App', version: '1', hardLimit: 20 };
  const licenses = [{ ...license, moves: { underWay: [move], last: [past] } }];
  const words = statusWords({ pool: 'east', licenses, authorizations: [] }, 0);
  expect(words).toContain(
    [
      'MOVED                     SEATS  FROM       TO  WHY',
      'under way                    12  free-pool  B   borrow',
      '2026-01-15T00:00:00.000Z      3  C\\x1b[2J   B   borrow',
    ].join('\n'),
  );
});

test('columns are as wide as their widest cell on a terminal', () => {
  const text = table(
    ['NAME', 'N'],
    [
      ['図面', 1],
      ['ab', 23],
    ],
  );
  expect(text).toBe('NAME   N\n図面   1\nab    23\n');
});
