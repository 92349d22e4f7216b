/** The line, from the client's side (DESIGN sections 7 and 8). */
import { expect, test } from 'bun:test';
import type { WaitingNews } from '../../src/net/client/ask.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { type Fields, generous, type Handler, TICKET } from './fake-server.ts';
import { clientOf, fake, movableClock } from './harness.ts';
import { failureOf, until } from './until.ts';

/** Answers requests with a place in the line until `open` is called. */
function line(pollMs = 150) {
  let closed = true;
  let position = 3;
  const waiting = (sequence: unknown, send: (reply: Fields) => void) =>
    send([MessageType.waiting, sequence, position, 5, pollMs]);
  const handler: Handler = (message, send, peer) => {
    if (message[0] === MessageType.request && closed) {
      if (message[7] === 0)
        send([MessageType.denied, message[1], 'all-in-use', 'All in use.', '', {}]);
      else waiting(message[1], send);
    } else generous()(message, send, peer);
  };
  return {
    handler,
    open: () => {
      closed = false;
    },
    moveUp: () => {
      position -= 1;
    },
  };
}

const places = (news: readonly WaitingNews[]) =>
  news.map((one) => ('place' in one ? one.place.position : one.obstacle.code));

test('a waiter polls with one key and its remaining patience until it is granted', async () => {
  const queue = line();
  const server = await fake({ handler: queue.handler });
  const news: WaitingNews[] = [];
  const asked = clientOf(server).request({
    application: 'App',
    waitMs: 60_000,
    onWaiting: (one) => news.push(one),
  });
  await until(() => server.ofType(MessageType.request).length >= 2, 'it polled');
  queue.moveUp();
  await until(() => places(news).includes(2), 'it heard of its new place');
  queue.open();
  const seat = await asked;
  expect(seat.valid).toBe(true);
  const polls = server.ofType(MessageType.request);
  const keys = new Set(polls.map(([, , key]) => Buffer.from(key as Uint8Array).toString('hex')));
  expect(keys.size).toBe(1);
  const patience = polls.map((poll) => Number(poll[7]));
  expect(patience).toEqual([...patience].sort((a, b) => b - a));
  expect(new Set(patience).size).toBe(patience.length);
});

test('a notice of a new place needs no poll', async () => {
  const server = await fake({
    handler: (message, send) => {
      if (message[0] !== MessageType.request) return;
      send([MessageType.waiting, message[1], 2, 2, 60_000]);
      send([MessageType.waiting, message[1], 1, 2, 60_000]);
      send([MessageType.grant, message[1], TICKET, 600_000, 'Acme', 'App', '1.0', 1, 1]);
    },
  });
  const news: WaitingNews[] = [];
  const onWaiting = (one: WaitingNews) => void news.push(one);
  await clientOf(server).request({ application: 'App', waitMs: 60_000, onWaiting });
  expect(places(news)).toEqual([2, 1]);
  expect(server.ofType(MessageType.request)).toHaveLength(1);
});

test('when the patience is over the last poll asks for an answer now, and timeout says why', async () => {
  const server = await fake({ handler: line(60_000).handler });
  const failure = await failureOf(clientOf(server).request({ application: 'App', waitMs: 400 }));
  expect(failure).toMatchObject({
    code: 'timeout',
    details: { waitedMs: 400, last: { code: 'all-in-use' } },
  });
  expect(server.ofType(MessageType.request).at(-1)?.[7]).toBe(0);
});

test('waits while unreachable and without majority', async () => {
  const down = await fake({ handler: generous() });
  const { port, identity } = down;
  await down.stop();
  const news: WaitingNews[] = [];
  const asked = clientOf(down, { servers: `127.0.0.1:${port}` }).request({
    application: 'App',
    waitMs: 30_000,
    onWaiting: (one) => news.push(one),
  });
  await until(() => news.length > 0, 'it said that it waits');
  let majority = false;
  await fake({
    port,
    identity,
    handler: (message, send, peer) => {
      if (majority || message[0] !== MessageType.request) generous()(message, send, peer);
      else send([MessageType.denied, message[1], 'no-majority', 'No majority.', '', {}]);
    },
  });
  await until(() => places(news).includes('no-majority'), 'it heard of the missing majority');
  majority = true;
  expect((await asked).valid).toBe(true);
  expect(places(news)[0]).toBe('unreachable');
});

test('a waiter keeps its key over a reconnection', async () => {
  const queue = line();
  const server = await fake({ handler: queue.handler });
  const asked = clientOf(server).request({ application: 'App', waitMs: 60_000 });
  await until(() => server.ofType(MessageType.request).length >= 1, 'it asked');
  server.cut();
  await until(() => server.connections >= 2, 'it came back');
  queue.open();
  await asked;
  const keys = server.ofType(MessageType.request).map(([, , key]) => String(key));
  expect(new Set(keys).size).toBe(1);
});

test('a denial for good ends the wait at once', async () => {
  const server = await fake({
    handler: ([, n], send) => send([MessageType.denied, n, 'exceeds-limit', 'Too many.', '', {}]),
  });
  const failure = await failureOf(clientOf(server).request({ application: 'App', waitMs: 60_000 }));
  expect(failure).toMatchObject({ code: 'exceeds-limit' });
});

test('an aborted waiter leaves the line by a release of its key', async () => {
  const server = await fake({ handler: line().handler });
  const abort = new AbortController();
  const reason = new Error('enough');
  const asked = clientOf(server).request({
    application: 'App',
    waitMs: 60_000,
    signal: abort.signal,
    onWaiting: () => abort.abort(reason),
  });
  expect(await failureOf(asked)).toBe(reason);
  await until(() => server.ofType(MessageType.release).length === 1, 'it left the line');
  expect(server.ofType(MessageType.release)[0]?.[2]).toEqual(
    server.ofType(MessageType.request)[0]?.[2] as Uint8Array,
  );
});

test('an aborted request that was never connected says so at once', async () => {
  const server = await fake({ handler: generous() });
  const failure = await failureOf(
    clientOf(server).request({ application: 'App', signal: AbortSignal.abort('no') }),
  );
  expect(failure).toBe('no');
  expect(server.received).toHaveLength(0);
});

test('a server that owes a reply is given up, and the request goes on over a new connection', async () => {
  const time = movableClock();
  const mute = await fake({ handler: () => undefined, name: 'A' });
  const { address, fingerprint } = mute;
  const client = clientOf(mute, { clock: time.clock });
  const asked = failureOf(client.request({ application: 'App', waitMs: 600_000 }));
  await until(() => mute.received.length > 0, 'it asked');
  expect(mute.hellos).toHaveLength(1);
  time.advance(6_000);
  await until(() => mute.hellos.length >= 2, `it dialled ${address} (${fingerprint}) again`);
  await client.close();
  expect(await asked).toMatchObject({ code: 'unreachable' });
});
