/** `lm renew` and `lm release`: the seat of another process, after its server was lost. */
import { expect, test } from 'bun:test';
import { readSeatText, seatText } from '../../src/net/client/seat-text.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { type FakeServer, generous, type Handler } from './fake-server.ts';
import { clientOf, movableClock, poolOf } from './harness.ts';
import { failureOf, until } from './until.ts';

const L = 600_000;
const NEW_TICKET = new Uint8Array(16).fill(9);
const { heartbeat, alive, fenced, gone, release, released } = MessageType;

/** Fenced, unless the heartbeat quotes this fence. */
const takesOver =
  (fence: number): Handler =>
  (message, send, peer) => {
    if (message[0] !== heartbeat) generous(L)(message, send, peer);
    else if (message[4] === fence) send([alive, message[1], NEW_TICKET, L, 1]);
    else send([fenced, message[1], fence, 'A']);
  };

/** The key of a seat from A, which is gone; and what else is in its pool. */
async function printedKey(others: Readonly<Record<string, Handler>>) {
  const time = movableClock();
  const pool = await poolOf({ A: generous(L), ...others });
  const options = { ...pool.options, clock: time.clock };
  const asker = clientOf(pool.named('A'), options);
  const seat = await asker.request({ application: 'App' });
  const { key } = seat;
  seat.detach();
  await pool.named('A').stop();
  return { ...pool, key, time, client: clientOf(pool.named('A'), options) };
}

const fences = (server: FakeServer) => server.ofType(heartbeat).map((message) => message[4]);

test('renew claims the seat of a fenced server, and the new key says where it lives', async () => {
  const { named, key, client } = await printedKey({ B: takesOver(7) });
  const renewed = await client.renew(key);
  expect(fences(named('B'))).toEqual([undefined, 7]);
  expect(readSeatText(renewed.key)).toMatchObject({ server: 'B', ticket: NEW_TICKET });
  // And may be renewed in the same way.
  expect((await client.renew(renewed.key)).lifetimeMs).toBe(L);
});

test('renew claims nothing after the lifetime, or where it can not tell', async () => {
  const { named, key, client, time } = await printedKey({ B: takesOver(7) });
  const seat = readSeatText(key);
  const elsewhere = { machine: 'another', until: Number.MAX_SAFE_INTEGER };
  for (const runs of [elsewhere, undefined]) {
    const failure = await failureOf(client.renew(seatText({ ...seat, runs })));
    expect(failure).toMatchObject({ code: 'lost' });
  }
  time.advance(L);
  expect(await failureOf(client.renew(key))).toMatchObject({ code: 'lost' });
  expect(fences(named('B'))).toEqual([undefined, undefined, undefined]);
});

test('renew waits while the server is not fenced yet, and asks the next one meanwhile', async () => {
  const busy: Handler = ([type, sequence], send) => {
    if (type === heartbeat) send([gone, sequence, 'busy', 'Wait.', '']);
  };
  const { named, key, client } = await printedKey({ B: busy, C: takesOver(3) });
  expect((await client.renew(key)).seat.server).toBe('C');
  expect(named('B').ofType(heartbeat)).toHaveLength(2);
});

test('renew gives up after a while, and says why', async () => {
  const none: Handler = ([type, sequence], send) => {
    if (type === heartbeat) send([gone, sequence, 'no-majority', 'None.', '']);
  };
  const { named, key, client, time } = await printedKey({ B: none });
  const renewing = failureOf(client.renew(key));
  let isOver = false;
  void renewing.then(() => {
    isOver = true;
  });
  // A little at a time: what B answers is heard before its time is over.
  const later = () => {
    if (named('B').ofType(heartbeat).length > 0) time.advance(50);
    return isOver;
  };
  await until(later, 'it gives up');
  expect(await renewing).toMatchObject({ code: 'no-majority' });
});

test('release goes on until the pool has settled whose seat it is', async () => {
  let told = 0;
  const later: Handler = ([type, sequence], send) => {
    if (type !== release) return;
    if (++told < 3) send([gone, sequence, 'busy', 'Wait.', '']);
    else send([released, sequence, true, 1]);
  };
  const { key, client } = await printedKey({ B: later });
  expect(await client.release(key)).toEqual({ released: true, count: 1 });
  expect(told).toBe(3);
});

test('release of a seat that is fenced in says that it ends by itself', async () => {
  const isFenced: Handler = ([type, sequence], send) => {
    if (type === release) send([fenced, sequence, 4, 'A']);
  };
  const { key, client } = await printedKey({ B: isFenced });
  const failure = await failureOf(client.release(key));
  expect(failure).toMatchObject({ code: 'unreachable', hint: 'It ends by its lifetime.' });
});
