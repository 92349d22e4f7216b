/** A client that runs for days: what is done with leaves nothing behind. */
import { heapStats } from 'bun:jsc';
import { expect, test } from 'bun:test';
import { MessageType } from '../../src/net/protocol.ts';
import { generous, type Handler } from './fake-server.ts';
import { clientOf, fake } from './harness.ts';
import { failureOf, until } from './until.ts';

function objects(): number {
  Bun.gc(true);
  return heapStats().objectCount;
}

/** Objects that 400 more rounds leave behind, after 200 to warm up. */
async function growth(round: () => Promise<unknown>, rounds = { warm: 200, more: 400 }) {
  for (let n = 0; n < rounds.warm; n++) await round();
  const before = objects();
  for (let n = 0; n < rounds.more; n++) await round();
  return (objects() - before) / rounds.more;
}

test('requests and releases', async () => {
  const client = clientOf(await fake({ handler: generous(), records: false }));
  const signal = new AbortController().signal;
  const left = await growth(async () => {
    const seat = await client.request({ application: 'App', signal });
    seat.on('lost', () => undefined);
    await seat.release();
  });
  expect(left).toBeLessThan(1);
});

test('denials and aborted waits', async () => {
  const waiting: Handler = (message, send, peer) => {
    if (message[0] !== MessageType.request) generous()(message, send, peer);
    else if (message[7] === 0) send([MessageType.denied, message[1], 'all-in-use', 'x', '', {}]);
    else send([MessageType.waiting, message[1], 1, 1, 60_000]);
  };
  const client = clientOf(await fake({ handler: waiting, records: false }));
  const left = await growth(async () => {
    await failureOf(client.request({ application: 'App' }));
    const abort = new AbortController();
    const asked = client.request({
      application: 'App',
      waitMs: 60_000,
      signal: abort.signal,
      onWaiting: () => abort.abort('enough'),
    });
    expect(await failureOf(asked)).toBe('enough');
  });
  expect(left).toBeLessThan(2);
});

test('reconnections under a held seat', async () => {
  const server = await fake({ handler: generous(), records: false });
  const client = clientOf(server);
  const seat = await client.request({ application: 'App' });
  const left = await growth(
    async () => {
      const { connections } = server;
      server.cut();
      await until(() => server.connections > connections, 'it came back');
      // One that needs the new connection, so that the next cut does not meet the old.
      await (await client.request({ application: 'App' })).release();
    },
    { warm: 5, more: 10 },
  );
  expect(seat.valid).toBe(true);
  expect(left).toBeLessThan(60);
}, 60_000);
