/** Heartbeats, loss and regaining (DESIGN sections 6 and 7). */
import { expect, test } from 'bun:test';
import type { LmError } from '../../src/engine/errors.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { FakeServer, generous, type Handler, TICKET } from './fake-server.ts';
import { clientOf, fake, movableClock } from './harness.ts';
import { until } from './until.ts';

const L = 600_000;

test('a heartbeat goes out within a third of the lifetime and renews it', async () => {
  const time = movableClock();
  const server = await fake({ handler: generous(L) });
  const seat = await clientOf(server, { clock: time.clock }).request({ application: 'App' });
  for (let beats = 1; beats <= 5; beats++) {
    time.advance(L / 3);
    await until(() => server.ofType(MessageType.heartbeat).length >= beats, `beat ${beats}`);
    await until(() => seat.expiresAt.getTime() - Date.now() > L - 10_000, 'it was renewed');
  }
  expect(seat.valid).toBe(true);
  expect(server.connections).toBe(1);
});

test('a seat outlives a lost connection: it is renewed on the next one', async () => {
  const server = await fake({ handler: generous(L) });
  const lost: LmError[] = [];
  const seat = await clientOf(server).request({ application: 'App' });
  seat.on('lost', (reason) => lost.push(reason));
  server.cut();
  await until(() => server.connections >= 2, 'it came back');
  await until(() => server.ofType(MessageType.heartbeat).length >= 1, 'it renewed');
  expect(seat.valid).toBe(true);
  expect(lost).toHaveLength(0);
  expect(server.ofType(MessageType.request)).toHaveLength(1);
});

test('unreachable until the lifetime is over: lost; reachable again: regained under a new key', async () => {
  const time = movableClock();
  const server = await FakeServer.start({ handler: generous(L) });
  const { port, identity } = server;
  const seat = await clientOf(server, { clock: time.clock }).request({ application: 'App' });
  const events: string[] = [];
  seat.on('lost', (reason) => events.push(`lost ${reason.code}`));
  seat.on('regained', () => events.push('regained'));
  const { id } = seat;
  await server.stop();
  time.advance(L - 5_000);
  await time.passing();
  expect([seat.valid, events]).toEqual([true, []]);
  time.advance(6_000);
  expect(seat.valid).toBe(false);
  await until(() => events.length === 1, 'it was lost');
  const back = await fake({ handler: generous(L), port, identity });
  time.advance(20_000);
  await until(() => events.length === 2, 'it was regained');
  expect(events).toEqual(['lost lost', 'regained']);
  expect(seat.valid).toBe(true);
  expect(seat.id).not.toBe(id);
  // The old key is given back, in case the server still counts it.
  await until(() => back.ofType(MessageType.release).length === 1, 'the old key was released');
});

test('a machine that slept past the lifetime has no seat when it wakes', async () => {
  const time = movableClock();
  const server = await fake({ handler: generous(L) });
  const client = clientOf(server, { clock: time.clock, tickMs: 60_000 });
  const seat = await client.request({ application: 'App' });
  time.advance(L + 1);
  expect(seat.valid).toBe(false);
});

test('answers that come after the loss do not bring the seat back', async () => {
  const time = movableClock();
  const held: (() => void)[] = [];
  const server = await fake({
    handler: (message, send, peer) => {
      if (message[0] !== MessageType.heartbeat) generous(L)(message, send, peer);
      else held.push(() => generous(L)(message, send, peer));
    },
  });
  const client = clientOf(server, { clock: time.clock });
  const seat = await client.request({ application: 'App' });
  let lost = 0;
  seat.on('lost', () => lost++);
  time.advance(L / 3);
  await until(() => held.length === 1, 'the heartbeat arrived');
  time.advance(L);
  await until(() => lost === 1, 'it was lost');
  const { id } = seat;
  for (const answer of held) answer();
  await until(() => seat.id !== id, 'it was asked for anew');
  expect(server.ofType(MessageType.request)).toHaveLength(2);
});

test('a late word on the old key does not end the seat that was regained', async () => {
  let late: (() => void) | null = null;
  const server = await fake({
    handler: (message, send, peer) => {
      if (message[0] !== MessageType.heartbeat || late !== null) {
        generous(1_500)(message, send, peer);
      } else {
        late = () => send([MessageType.gone, message[1], 'unknown-key', 'It is gone.', '']);
      }
    },
  });
  // Shorter than the patience with a reply, so that the connection outlives the loss.
  const seat = await clientOf(server).request({ application: 'App' });
  const events: string[] = [];
  seat.on('lost', () => events.push('lost'));
  seat.on('regained', () => {
    events.push('regained');
    late?.();
  });
  await until(() => events.length === 2, 'it was lost and regained');
  const beats = server.ofType(MessageType.heartbeat).length;
  await until(() => server.ofType(MessageType.heartbeat).length > beats + 1, 'it was renewed');
  expect(events).toEqual(['lost', 'regained']);
  expect([seat.valid, server.connections]).toEqual([true, 1]);
});

function goneWith(code: string): Handler {
  let gone = false;
  return (message, send, peer) => {
    if (message[0] === MessageType.heartbeat && !gone) {
      gone = true;
      send([MessageType.gone, message[1], code, 'It is gone.', 'Ask again.']);
    } else generous(L)(message, send, peer);
  };
}

test('a key that its server no longer knows is lost at once, and asked for again', async () => {
  const time = movableClock();
  const server = await fake({ handler: goneWith('unknown-key') });
  const seat = await clientOf(server, { clock: time.clock }).request({ application: 'App' });
  const events: string[] = [];
  seat.on('lost', (reason) => events.push(reason.code));
  seat.on('regained', () => events.push('regained'));
  time.advance(L / 3);
  await until(() => events.length === 2, 'it was lost and regained');
  expect(events).toEqual(['lost', 'regained']);
});

test('an evicted seat is lost for good, and given back at once', async () => {
  const time = movableClock();
  const server = await fake({ handler: goneWith('evicted') });
  const client = clientOf(server, { clock: time.clock });
  const seat = await client.request({ application: 'App' });
  const events: string[] = [];
  seat.on('lost', (reason) => events.push(reason.code));
  time.advance(L / 3);
  await until(() => events.length === 1, 'it was lost');
  time.advance(L);
  await client.request({ application: 'Other' });
  expect(events).toEqual(['evicted']);
  // By key: what is sent again, as where the clock leaps, is the same request.
  const requests = server.ofType(MessageType.request);
  const asked = new Map(requests.map(([, , key, , application]) => [String(key), application]));
  expect([...asked.values()]).toEqual(['App', 'Other']);
  // By this its seat is free: nobody has to wait for the end of its lifetime.
  const [requested] = server.ofType(MessageType.request);
  expect(server.ofType(MessageType.release).map(([, , key]) => key)).toEqual([requested?.[2]]);
});

test('no majority for a while costs no seat', async () => {
  const time = movableClock();
  const server = await fake({ handler: goneWith('no-majority') });
  const seat = await clientOf(server, { clock: time.clock }).request({ application: 'App' });
  let lost = 0;
  seat.on('lost', () => lost++);
  time.advance(L / 3);
  await until(() => server.ofType(MessageType.heartbeat).length === 1, 'it was refused');
  await time.passing();
  expect(seat.valid).toBe(true);
  time.advance(60_000);
  await until(() => server.ofType(MessageType.heartbeat).length === 2, 'it tried again');
  expect([seat.valid, lost]).toEqual([true, 0]);
});

test('a seat that is refused when asked for again says denied, and goes on trying', async () => {
  const time = movableClock();
  let requests = 0;
  const server = await fake({
    handler: (message, send, peer) => {
      if (message[0] === MessageType.heartbeat) {
        send([MessageType.gone, message[1], 'unknown-key', '', '']);
      } else if (message[0] === MessageType.request && ++requests === 2) {
        send([MessageType.denied, message[1], 'expired', 'Expired.', '', {}]);
      } else generous(L)(message, send, peer);
    },
  });
  const seat = await clientOf(server, { clock: time.clock }).request({ application: 'App' });
  const events: string[] = [];
  seat.on('denied', (reason) => events.push(`denied ${reason.code}`));
  seat.on('regained', () => events.push('regained'));
  time.advance(L / 3);
  await until(() => events.length === 1, 'it was refused');
  await time.passing();
  time.advance(L / 3);
  await until(() => events.length === 2, 'it was granted');
  expect(events).toEqual(['denied expired', 'regained']);
});

test('a hold is never renewed and ends at its time', async () => {
  const time = movableClock();
  const server = await fake({
    handler: ([type, n, , , , , , , holdMs], send) => {
      if (type !== MessageType.request) return;
      send([MessageType.grant, n, TICKET, holdMs, 'Acme', 'App', '1.0', 1, 1]);
    },
  });
  const client = clientOf(server, { clock: time.clock });
  const seat = await client.request({ application: 'App', holdMs: 3_600_000 });
  let lost = 0;
  seat.on('lost', () => lost++);
  time.advance(3_500_000);
  await time.passing();
  expect([seat.valid, server.ofType(MessageType.heartbeat).length]).toEqual([true, 0]);
  time.advance(100_001);
  await until(() => lost === 1, 'it ended');
  expect(seat.valid).toBe(false);
});

test('closing the client releases every seat', async () => {
  const server = await fake({ handler: generous(L) });
  const client = clientOf(server);
  const seats = await Promise.all([1, 2, 3].map(() => client.request({ application: 'App' })));
  await client.close();
  expect(server.ofType(MessageType.release)).toHaveLength(3);
  expect(seats.some(({ valid }) => valid)).toBe(false);
});
