/** Something else behind a server's address: exit 76, and nothing is sent to it. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createServer as createTlsServer } from 'node:tls';
import { createIdentity } from '../../src/net/identity.ts';
import { FakeServer, generous } from '../client/fake-server.ts';
import { until } from '../client/until.ts';
import { listening } from './listening.ts';
import { expectJsonRefusal, expectRefusal } from './refusal.ts';
import { Session } from './session.ts';
import { Site } from './site.ts';

const site = new Site();
/** A seat of the true server. */
let key = '';

beforeAll(async () => {
  await site.found([{ application: 'App', limit: 50 }]);
  const server = await site.serve();
  key = String((await site.ask(['request', 'App']))['key']);
  await server.stop();
});
afterAll(() => site.close());

test('a server with another key', async () => {
  const identity = await createIdentity('A');
  const fake = await FakeServer.start({
    port: site.port,
    pool: 'east',
    identity,
    handler: generous(),
  });
  const run = (...args: string[]) => site.client(args, { stdin: key });
  const [request, waits, exec, status, release, renew, json] = await Promise.all([
    run('request', 'App'),
    run('request', 'App', '--wait', '5s'),
    run('exec', '--app', 'App', '--', 'echo', 'started'),
    run('status'),
    run('release', '-'),
    run('renew', '-'),
    run('request', 'App', '--json'),
  ]);
  for (const ran of [request, exec, status, release, renew]) expectRefusal(ran, 76);
  expect([waits.code, waits.stdout]).toEqual([76, '']);
  expectJsonRefusal(json, 76, 'untrusted');
  const session = Session.open(site);
  expect((await session.request({ application: 'App' })).error?.code).toBe('untrusted');
  await session.end();
  expect(fake.dialled).toBeGreaterThan(6);
  expect(fake.bytes).toBe(0);
  await fake.stop();
});

test('no TLS, an older TLS, nothing', async () => {
  const noise = await listening(site.port, (socket) =>
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  );
  expectRefusal(await site.client(['status']), 76, 'TLS 1.3');
  await noise.stop();
  const { keyPem, certificatePem } = await createIdentity('A');
  const old = createTlsServer({ key: keyPem, cert: certificatePem, maxVersion: 'TLSv1.2' });
  old.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => old.listen(site.port, '127.0.0.1', resolve));
  expectRefusal(await site.client(['status']), 76, 'TLS 1.3');
  await new Promise((resolve) => old.close(resolve));
  expectRefusal(await site.client(['status']), 69);
});

test('a running exec is not led astray, and finds its server again', async () => {
  let server = await site.serve();
  const session = Session.open(site);
  const held = await session.request({ application: 'App' });
  await server.kill();
  const identity = await createIdentity('A');
  const fake = await FakeServer.start({
    port: site.port,
    pool: 'east',
    identity,
    handler: generous(),
  });
  await until(() => fake.dialled > 0, 'the session tries what is there', 30_000);
  await fake.stop();
  expect(fake.bytes).toBe(0);
  server = await site.serve();
  expect(await session.release(held.seat)).toMatchObject({ ok: true, released: true });
  expect(session.events).toEqual([]);
  await session.end();
  await server.stop();
});
