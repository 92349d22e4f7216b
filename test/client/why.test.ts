/** Whom `why` asks, and what it makes of the answers of the servers. */
import { expect, test } from 'bun:test';
import { LmError } from '../../src/engine/errors.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { generous, type Handler } from './fake-server.ts';
import { clientOf, poolOf } from './harness.ts';
import { failureOf } from './until.ts';

const { probe, verdict, status, statusPage } = MessageType;

const LICENSES = ['1.0', '2.0'].map((version) => {
  return { vendor: 'Acme', application: 'App', version, hardLimit: 3 };
});
const DETAILS = { rule: 'seats', vendor: 'Acme', application: 'App', version: '2.0' };

/** Holds a seat since this many seconds, and says its own name in a verdict. */
const knows =
  (name: string, leader: string | null, seconds: number, details: object = DETAILS): Handler =>
  (message, send, peer) => {
    const [type, sequence] = message;
    if (type === probe) {
      send([verdict, sequence, 'all-in-use', `No, says ${name}.`, 'Wait.', details]);
    } else if (type === status) {
      const terms = ['Acme', 'App', '1.0', 1, name];
      const holder = ['anna', 'host', 1, '::1', seconds * 1_000, 90_000, 'active'];
      const page = [[new Uint8Array(16).fill(seconds), ...terms, ...holder]];
      const document = { pool: 'east', leader, term: 1, licenses: LICENSES, servers: [] };
      send([statusPage, sequence, document, page, null]);
    } else {
      generous()(message, send, peer);
    }
  };

async function why(pool: Awaited<ReturnType<typeof poolOf>>, at: string, options: object = {}) {
  const client = clientOf(pool.named(at), pool.options);
  const [result] = await client.why({ application: 'App', ...options });
  if (result === undefined || result instanceof LmError) throw result ?? new Error('no result');
  return result;
}

test('the leader gives the verdict; holders are those of all servers, the oldest first', async () => {
  const pool = await poolOf({
    A: knows('A', 'B', 3),
    B: knows('B', 'B', 1),
    C: knows('C', 'B', 2),
  });
  const found = await why(pool, 'A', { version: '1.5', count: 2 });
  expect(found).toMatchObject({
    ...{ pool: 'east', application: 'App', server: 'B', leader: 'B', unreached: [] },
    verdict: { code: 'all-in-use', message: 'No, says B.', hint: 'Wait.', details: DETAILS },
    license: { version: '2.0', hardLimit: 3 },
  });
  expect(found.holders.map(({ server }) => server)).toEqual(['B', 'C', 'A']);
  expect(pool.named('B').ofType(probe)[0]?.slice(2)).toEqual([null, 'App', '1.5', 2]);
  expect(pool.named('A').ofType(probe)).toHaveLength(0);
});

test('without a leader, or where it can not be had, the server that is connected does', async () => {
  const nobody = await poolOf({ A: knows('A', null, 1), B: knows('B', null, 2) });
  expect(await why(nobody, 'A')).toMatchObject({ server: 'A', leader: null });
  const pool = await poolOf({ A: knows('A', 'B', 1), B: knows('B', 'B', 2) });
  const client = clientOf(pool.named('A'), pool.options);
  await client.serverNow('A');
  await pool.named('B').stop();
  const [found] = await client.why({ application: 'App' });
  expect(found).toMatchObject({
    ...{ server: 'A', leader: 'B', unreached: ['B'] },
    verdict: { message: 'No, says A.' },
  });
});

test("a vendor's seats only, and no license where the verdict names none", async () => {
  const pool = await poolOf({ A: knows('A', 'A', 1, { rule: 'license', application: 'App' }) });
  const found = await why(pool, 'A', { vendor: 'Bolt' });
  expect(found).toMatchObject({ license: null, holders: [] });
  expect(pool.named('A').ofType(probe)[0]?.[2]).toBe('Bolt');
});

test('a check-out is asked about; a server that knows nothing of days gives no verdict', async () => {
  const said: Record<string, unknown> = { ...DETAILS, days: 5 };
  const pool = await poolOf({ A: knows('A', 'A', 1, said) });
  expect(await why(pool, 'A', { days: 5 })).toMatchObject({ verdict: { details: said } });
  expect(pool.named('A').ofType(probe)[0]?.slice(2)).toEqual([null, 'App', null, 1, 5]);
  const client = clientOf(pool.named('A'), pool.options);
  const [failure] = await client.why({ application: 'App', days: 6 });
  expect(failure).toMatchObject({ code: 'protocol', message: expect.stringContaining('Server A') });
  const nonsense = await failureOf(client.why({ application: 'App', days: 0 }));
  expect(nonsense).toMatchObject({ code: 'usage' });
});

test('what makes no sense is refused before it is sent, and a pool that is not there is told', async () => {
  const pool = await poolOf({ A: knows('A', 'A', 1) });
  const client = clientOf(pool.named('A'), pool.options);
  const failure = await failureOf(client.why({ application: 'App', count: 0 }));
  expect(failure).toMatchObject({ code: 'usage' });
  await pool.named('A').stop();
  expect(await client.why({ application: 'App' })).toMatchObject([{ code: 'unreachable' }]);
});
