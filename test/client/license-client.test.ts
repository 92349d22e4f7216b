import { expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { LicenseClient } from '../../src/net/client/license-client.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { generous, TICKET } from './fake-server.ts';
import { clientOf, fake, movableClock } from './harness.ts';
import { failureOf, until } from './until.ts';

test('a seat is granted, described and released', async () => {
  const server = await fake({ handler: generous() });
  const client = clientOf(server);
  const seat = await client.request({ application: 'App', version: '1.0', count: 2 });
  expect(seat.valid).toBe(true);
  expect([seat.vendor, seat.application, seat.version, seat.count]).toEqual([
    'Acme',
    'App',
    '1.0',
    2,
  ]);
  expect([seat.pool, seat.server, seat.verified]).toEqual(['east', 'A', false]);
  const [, , key] = server.ofType(MessageType.request)[0] ?? [];
  const id = createHash('sha256')
    .update(key as Uint8Array)
    .digest()
    .subarray(0, 16);
  expect(seat.id).toBe(id.toString('base64url'));
  expect(seat.key).toStartWith('lmk1_');
  expect(await seat.release()).toBe(true);
  expect(seat.valid).toBe(false);
  expect(await seat.release()).toBe(false);
  expect(server.ofType(MessageType.release)).toHaveLength(1);
});

test('the lifetime counts from when the request was sent, not from the answer', async () => {
  const time = movableClock();
  const server = await fake({
    handler: (message, send) => {
      // The answer takes a minute.
      if (message[0] === MessageType.request) time.advance(60_000);
      generous(100_000)(message, send, { number: 0, destroy: () => undefined });
    },
  });
  // The reply deadline passes too, so the client must not look at the clock in between.
  const client = clientOf(server, { clock: time.clock, tickMs: 60_000 });
  const seat = await client.request({ application: 'App' });
  const left = seat.expiresAt.getTime() - Date.now();
  expect(left).toBeLessThanOrEqual(40_000);
  expect(left).toBeGreaterThan(30_000);
});

test('a wrong pin is refused before anything is sent', async () => {
  const server = await fake({ handler: generous() });
  const client = clientOf(server, { trust: `sha256:${'0'.repeat(64)}` });
  expect(await failureOf(client.request({ application: 'App' }))).toMatchObject({
    code: 'untrusted',
  });
  expect(server.bytes).toBe(0);
});

test.each([
  ['another protocol', { protocol: 9 }, {}, 'protocol'],
  ['a malformed welcome', { servers: 'none' as never }, {}, 'protocol'],
])('%s is refused', async (_, welcome, options, code) => {
  const server = await fake({ handler: generous(), welcome });
  const failure = await failureOf(clientOf(server, options).request({ application: 'App' }));
  expect(failure).toMatchObject({ code });
});

test('no trust anchor is refused, and --insecure accepts it', async () => {
  const server = await fake({ handler: generous() });
  const failure = await failureOf(
    clientOf(server, { trust: undefined }).request({ application: 'App' }),
  );
  expect(failure).toMatchObject({ code: 'config' });
  const insecure = clientOf(server, { trust: undefined, insecure: true });
  expect((await insecure.request({ application: 'App' })).valid).toBe(true);
});

test('nothing listening is unreachable, and so is a server that does not answer', async () => {
  const server = await fake({ handler: () => undefined });
  const { trust } = server;
  await server.stop();
  const client = new LicenseClient({ env: {}, ...trust });
  expect(await failureOf(client.request({ application: 'App' }))).toMatchObject({
    code: 'unreachable',
  });
  await client.close();
});

test('a denial carries code, message, hint and numbers', async () => {
  const server = await fake({
    handler: ([, sequence], send) =>
      send([MessageType.denied, sequence, 'all-in-use', 'All in use.', 'Wait.', { hardLimit: 3 }]),
  });
  const failure = await failureOf(clientOf(server).request({ application: 'App' }));
  expect(failure).toMatchObject({
    code: 'all-in-use',
    message: 'All in use.',
    hint: 'Wait.',
    details: { hardLimit: 3 },
  });
});

test('a denial this version has no name for is still a denial', async () => {
  const server = await fake({
    handler: ([, n], send) => send([MessageType.denied, n, 'full-moon', 'No.', 'Wait.', {}]),
  });
  const failure = await failureOf(clientOf(server).request({ application: 'App' }));
  expect(failure).toMatchObject({ code: 'not-authorized', details: { reason: 'full-moon' } });
});

test('a retry after a lost connection uses the same key, and counts from the retry', async () => {
  const server = await fake({
    handler: (message, send, peer) => {
      if (message[0] === MessageType.request && peer.number === 1) peer.destroy();
      else generous()(message, send, peer);
    },
  });
  const seat = await clientOf(server).request({ application: 'App' });
  expect(seat.valid).toBe(true);
  const keys = server
    .ofType(MessageType.request)
    .map(([, , key]) => Buffer.from(key as Uint8Array));
  expect(keys).toHaveLength(2);
  expect(keys[0]?.equals(keys[1] ?? Buffer.alloc(0))).toBe(true);
});

test('a seat that no server takes back is tried for once, not again on closing', async () => {
  const time = movableClock();
  const server = await fake({ handler: generous() });
  const client = clientOf(server, { clock: time.clock });
  const seat = await client.request({ application: 'App' });
  await server.stop();
  const released = seat.release();
  time.advance(2_500);
  expect(await released).toBe(false);
  // Whatever waits for a time from here on waits for ever.
  time.stop();
  await client.close();
});

test('unknown and late replies are ignored', async () => {
  const server = await fake({
    handler: (message, send, peer) => {
      send([MessageType.grant, 99, TICKET, 5, 'Evil', 'App', '1.0', 1, 1]);
      send([200, 1, 'a message of a later version']);
      generous()(message, send, peer);
      send([MessageType.denied, message[1], 'evicted', '', '', {}]);
    },
  });
  const seat = await clientOf(server).request({ application: 'App' });
  expect(seat.vendor).toBe('Acme');
  await until(() => server.received.length > 0, 'the request arrived');
  expect(seat.valid).toBe(true);
});

test('oversized and malformed frames end the connection as a protocol error', async () => {
  for (const reply of [
    [MessageType.grant, 2, TICKET],
    [MessageType.grant, 2, TICKET, -5, 'A', 'A', '1', 1, 1],
    ['grant', 2],
  ]) {
    const server = await fake({ handler: (_, send) => send(reply) });
    const failure = await failureOf(clientOf(server).request({ application: 'App' }));
    expect(failure).toMatchObject({ code: 'protocol' });
  }
});
