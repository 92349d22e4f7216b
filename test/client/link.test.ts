/** Several servers and several pools: which is spoken to, and when another one is (section 7). */
import { describe, expect, onTestFinished, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIdentity } from '../../src/net/identity.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { type FakeServer, generous, type Handler } from './fake-server.ts';
import { clientOf, fake, movableClock } from './harness.ts';
import { failureOf, until } from './until.ts';

const L = 600_000;

const deny =
  (code: string): Handler =>
  ([type, sequence], send) => {
    if (type === MessageType.request) send([MessageType.denied, sequence, code, code, '', {}]);
  };

/** Names servers of one pool (`,`) or of several (`;`); all fakes share a key unless told. */
const all = (by: ',' | ';', ...servers: FakeServer[]) => ({
  servers: servers.map(({ address }) => address).join(by),
});

test('the first of the list is taken, and kept over a lost connection', async () => {
  const a = await fake({ name: 'A', handler: generous(L) });
  const b = await fake({ name: 'B', handler: generous(L) });
  const client = clientOf(a, all(',', a, b));
  const seat = await client.request({ application: 'App' });
  a.cut();
  await until(() => a.ofType(MessageType.heartbeat).length === 1, 'it came back to A');
  expect([seat.server, b.received.length]).toEqual(['A', 0]);
});

test('a server that is down is passed over, and the one that answered is kept', async () => {
  const a = await fake({ name: 'A', handler: generous(L) });
  const b = await fake({ name: 'B', handler: generous(L) });
  const options = all(',', a, b);
  await a.stop();
  const client = clientOf(b, options);
  expect((await client.request({ application: 'App' })).server).toBe('B');
  expect((await client.request({ application: 'App' })).server).toBe('B');
  expect(b.connections).toBe(1);
});

test('a server that takes connections and says nothing delays only a little', async () => {
  const time = movableClock();
  const mute = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
  const b = await fake({ name: 'B', handler: generous(L) });
  const servers = `127.0.0.1:${mute.port},${b.address}`;
  const client = clientOf(b, { servers, clock: time.clock });
  expect((await client.request({ application: 'App' })).server).toBe('B');
  mute.stop(true);
});

test.each(['no-majority', 'all-in-use', 'busy'])(
  '%s at one server: the next is asked',
  async (code) => {
    const a = await fake({ name: 'A', handler: deny(code) });
    const b = await fake({ name: 'B', handler: generous(L) });
    const client = clientOf(a, all(',', a, b));
    const seat = await client.request({ application: 'App' });
    expect(seat.server).toBe('B');
  },
);

test('a denial for good is not asked for again elsewhere', async () => {
  const a = await fake({ name: 'A', handler: deny('unknown-application') });
  const b = await fake({ name: 'B', handler: generous(L) });
  const failure = await failureOf(clientOf(a, all(',', a, b)).request({ application: 'App' }));
  expect(failure).toMatchObject({ code: 'unknown-application' });
  expect(b.received).toHaveLength(0);
});

test('when the server of a seat is gone, the others are told of it, and the seat lives on', async () => {
  const time = movableClock();
  const a = await fake({ name: 'A', handler: generous(L) });
  const b = await fake({ name: 'B', handler: generous(L) });
  const client = clientOf(a, { ...all(',', a, b), clock: time.clock });
  const seat = await client.request({ application: 'App' });
  let lost = 0;
  seat.on('lost', () => lost++);
  await a.stop();
  await until(() => b.ofType(MessageType.heartbeat).length === 1, 'B heard of the seat');
  time.advance(L / 2);
  await until(() => b.ofType(MessageType.heartbeat).length >= 2, 'B renews it');
  time.advance(L / 2 + 1_000);
  await time.passing();
  expect([seat.valid, lost]).toEqual([true, 0]);
});

test('pools are tried in order: unreachable or in use in one, granted by the next', async () => {
  const gone = await fake({ pool: 'gone', handler: generous(L) });
  const full = await fake({ pool: 'full', handler: deny('all-in-use') });
  const free = await fake({ pool: 'free', handler: generous(L) });
  const options = all(';', gone, full, free);
  await gone.stop();
  const seat = await clientOf(free, options).request({ application: 'App' });
  expect(seat.pool).toBe('free');
  expect(full.ofType(MessageType.request)).toHaveLength(1);
});

describe('while an RLF rolls out, a server that has the one before', () => {
  /** A user who has seen RLF 9; A has 8 still. */
  async function rollout(ofB: number, newest: 'card' | 'epoch' = 'card') {
    const env = { XDG_STATE_HOME: mkdtempSync(join(tmpdir(), 'lm-rollout-')) };
    onTestFinished(() => rmSync(env.XDG_STATE_HOME, { recursive: true }));
    const at = (name: string, rlfSequence: number, epoch = 1) => {
      return fake({ name, handler: generous(L), welcome: { rlfSequence, epoch } });
    };
    const seen = await at('C', 9, newest === 'epoch' ? 2 : 1);
    await clientOf(seen, { env }).request({ application: 'App' });
    const [a, b] = [await at('A', 8), await at('B', ofB)];
    return { a, b, client: clientOf(a, { ...all(',', a, b), env }) };
  }

  test('is passed over for the next one', async () => {
    const { a, client } = await rollout(9);
    expect((await client.request({ application: 'App' })).server).toBe('B');
    expect(a.ofType(MessageType.request)).toHaveLength(0);
  });

  test('is waited for where the others are down, as they are', async () => {
    const { a, b, client } = await rollout(9);
    const { port } = b;
    await b.stop();
    const failure = await failureOf(client.request({ application: 'App' }));
    const message = expect.stringContaining('serves RLF 8');
    expect(failure).toMatchObject({ code: 'unreachable', message });
    const waiting = client.request({ application: 'App', waitMs: 60_000 });
    await until(() => a.connections >= 3, 'it tries again');
    const welcome = { rlfSequence: 9, epoch: 1 };
    await fake({ name: 'B', handler: generous(L), port, welcome });
    expect((await waiting).server).toBe('B');
    expect(a.ofType(MessageType.request)).toHaveLength(0);
  });

  test('is not trusted where all have it', async () => {
    const { client } = await rollout(8);
    const failure = await failureOf(client.request({ application: 'App' }));
    expect(failure).toMatchObject({ code: 'untrusted' });
  });

  test('is not trusted where it is of an epoch before', async () => {
    const { b, client } = await rollout(9, 'epoch');
    await b.stop();
    const failure = await failureOf(client.request({ application: 'App' }));
    expect(failure).toMatchObject({ code: 'untrusted' });
  });
});

test('of several refusals the likeliest to pass is told', async () => {
  const unknown = await fake({ pool: 'unknown', handler: deny('unknown-application') });
  const full = await fake({ pool: 'full', handler: deny('all-in-use') });
  const gone = await fake({ pool: 'gone', handler: generous(L) });
  const options = all(';', unknown, full, gone);
  await gone.stop();
  const failure = await failureOf(clientOf(full, options).request({ application: 'App' }));
  expect(failure).toMatchObject({ code: 'all-in-use' });
});

test('of several pools only the line of one is joined', async () => {
  const inLine: Handler = ([type, sequence, , , , , , patience], send) => {
    if (type === MessageType.release) send([MessageType.released, sequence, false, 0]);
    if (type !== MessageType.request) return;
    if (patience === 0) send([MessageType.denied, sequence, 'all-in-use', '', '', {}]);
    else send([MessageType.waiting, sequence, 1, 1, 60_000]);
  };
  const first = await fake({ pool: 'first', handler: inLine });
  const second = await fake({ pool: 'second', handler: inLine });
  const abort = new AbortController();
  const failure = await failureOf(
    clientOf(first, all(';', first, second)).request({
      application: 'App',
      waitMs: 60_000,
      signal: abort.signal,
      onWaiting: (news) => 'place' in news && abort.abort('enough'),
    }),
  );
  expect(failure).toBe('enough');
  const patience = (server: FakeServer) =>
    server.ofType(MessageType.request).map((message) => Number(message[7]) > 0);
  expect([patience(first), patience(second)]).toEqual([[false, true], [false]]);
});

test('one server of several with a wrong key does no harm; all with wrong keys are untrusted', async () => {
  const a = await fake({ name: 'A', handler: generous(L) });
  const b = await fake({
    name: 'B',
    handler: generous(L),
    identity: await createIdentity('B'),
  });
  const options = all(',', b, a);
  const seat = await clientOf(a, options).request({ application: 'App' });
  expect([seat.server, b.bytes]).toEqual(['A', 0]);
  await a.stop();
  const failure = await failureOf(clientOf(a, options).request({ application: 'App' }));
  expect(failure).toMatchObject({ code: 'untrusted' });
});
