/** DESIGN section 8: waiting in the line of a license, at one server. */
import { describe, expect, test } from 'bun:test';
import type { Client } from '../../src/engine/client.ts';
import { NOTICE_INTERVAL_MS, WAITER_GRACE_MS } from '../../src/engine/limits.ts';
import { type CoreMessage, MessageType } from '../../src/engine/messages.ts';
import { makeRlf } from './sample-rlf.ts';
import { Server } from './server.ts';

const { grant, denied, released, waiting } = MessageType;
const MINUTE = 60_000;
const patienceMs = 10 * MINUTE;

/** What came, as `grant 2` for the answer to the message numbered 2. */
const brief = (messages: readonly CoreMessage[]) =>
  messages.map(([type, to]) => `${NAMES[type]} ${to}`);
const NAMES: Record<number, string> = {
  [grant]: 'grant',
  [denied]: 'denied',
  [released]: 'released',
  [waiting]: 'waiting',
};

/** A pool of one with this limit, all of it in use by key 1. */
function full(limit: number): { server: Server; holder: Client } {
  const server = new Server(makeRlf({ codes: [{ limit, keyLifetimeMs: MINUTE }] }));
  const holder = server.client();
  server.ask(holder, server.request(1, { count: limit }));
  return { server, holder };
}

const PLACE: Uint8Array = expect.any(Uint8Array);

describe('in the line', () => {
  test('first come is first served, and is told its place and when to poll', () => {
    const { server, holder } = full(2);
    const clients = [2, 3, 4].map(() => server.client());
    const answers = clients.map((client, at) => {
      return server.ask(client, server.request(2 + at, { patienceMs }))[0];
    });
    expect(answers).toEqual([
      [waiting, 2, 1, 1, 20_000, PLACE],
      [waiting, 3, 2, 2, 20_000, PLACE],
      [waiting, 4, 3, 3, 20_000, PLACE],
    ]);
    expect(brief(server.ask(holder, server.release(1)))).toEqual([
      'released 5',
      'grant 2',
      'grant 3',
    ]);
    expect(server.license()).toMatchObject({ waiting: 1, inUse: 2 });
  });

  test('nobody passes: not a smaller request, not one that does not wait', () => {
    const { server, holder } = full(4);
    server.ask(server.client(), server.request(2, { count: 3, patienceMs }));
    server.ask(holder, server.release(1));
    server.ask(holder, server.request(9, { count: 1 }));
    // Key 2 holds 3, key 9 one; now one wants 3 and another 1, and 1 is free.
    const [big, small] = [server.client(), server.client()];
    expect(brief(server.ask(big, server.request(5, { count: 3, patienceMs })))).toEqual([
      'waiting 5',
    ]);
    expect(brief(server.ask(holder, server.release(9)))).toEqual(['released 6']);
    expect(server.ask(small, server.request(6))[0]).toMatchObject({ 0: denied, 2: 'all-in-use' });
    expect(brief(server.ask(small, server.request(7, { patienceMs })))).toEqual(['waiting 8']);
    expect(server.license()).toMatchObject({ available: 1, waiting: 2 });
    server.ask(holder, server.release(2));
    expect(server.license()).toMatchObject({ available: 0, waiting: 0 });
  });

  test('a poll keeps the place, and the grant answers the newest poll', () => {
    const { server, holder } = full(1);
    const [first, second] = [server.client(), server.client()];
    server.ask(first, server.request(2, { patienceMs }));
    server.ask(second, server.request(3, { patienceMs }));
    server.pass(20_000);
    server.ask(holder, server.heartbeat(1));
    expect(server.ask(first, server.request(2, { patienceMs }))[0]).toEqual([
      waiting,
      5,
      1,
      2,
      20_000,
      PLACE,
    ]);
    const answers = server.ask(holder, server.release(1));
    expect(brief(answers)).toEqual(['released 6', 'grant 5']);
  });

  test('whose patience is over is turned away; those behind move up', () => {
    const { server } = full(2);
    const [first, second] = [server.client(), server.client()];
    server.ask(first, server.request(2, { count: 2, patienceMs: 5_000 }));
    server.ask(second, server.request(3, { patienceMs }));
    expect(brief(server.pass(4_999))).toEqual([]);
    expect(brief(server.pass(1))).toContain('denied 2');
    server.pass(NOTICE_INTERVAL_MS);
    expect(server.license()).toMatchObject({ waiting: 1 });
  });

  test('who is turned away blocks nobody any more', () => {
    const { server, holder } = full(2);
    server.ask(holder, server.release(1));
    server.ask(holder, server.request(9));
    const [big, small] = [server.client(), server.client()];
    server.ask(big, server.request(2, { count: 2, patienceMs: 5_000 }));
    server.ask(small, server.request(3, { patienceMs: 5_000 }));
    // Both have waited long enough, and for one of them there is a seat.
    expect(brief(server.pass(5_000))).toEqual(['denied 4', 'grant 5']);
  });

  test('a release leaves the line', () => {
    const { server, holder } = full(1);
    const [first, second] = [server.client(), server.client()];
    server.ask(first, server.request(2, { patienceMs }));
    server.ask(second, server.request(3, { patienceMs }));
    expect(server.ask(first, server.release(2))[0]).toEqual([released, 4, false, 0]);
    expect(brief(server.ask(holder, server.release(1)))).toEqual(['released 5', 'grant 3']);
  });

  test('who could be served once the head leaves is served then', () => {
    const { server, holder } = full(2);
    const [big, small] = [server.client(), server.client()];
    server.ask(holder, server.release(1));
    server.ask(holder, server.request(9));
    server.ask(big, server.request(2, { count: 2, patienceMs }));
    server.ask(small, server.request(3, { patienceMs }));
    expect(brief(server.ask(big, server.release(2)))).toEqual(['grant 5', 'released 6']);
  });
});

describe('a waiter whose connection is gone', () => {
  const gone = () => {
    const { server, holder } = full(2);
    server.ask(holder, server.release(1));
    server.ask(holder, server.request(9));
    const [big, small] = [server.client(), server.client()];
    server.ask(big, server.request(2, { count: 2, patienceMs }));
    return { server, holder, big, small };
  };

  test('is passed over at once', () => {
    const { server, big, small } = gone();
    server.ask(small, server.request(3, { patienceMs }));
    const answers = brief(server.step({ type: 'closed', client: big }));
    expect(answers).toEqual(['grant 5']);
  });

  test('has its place back when it polls within the grace', () => {
    const { server, holder, big, small } = gone();
    server.step({ type: 'closed', client: big });
    server.pass(WAITER_GRACE_MS - 1);
    const again = server.client();
    expect(server.ask(again, server.request(2, { count: 2, patienceMs }))[0]).toEqual([
      waiting,
      5,
      1,
      1,
      20_000,
      PLACE,
    ]);
    expect(brief(server.ask(small, server.request(3, { patienceMs })))).toEqual(['waiting 6']);
    expect(brief(server.ask(holder, server.release(9)))).toEqual(['released 7', 'grant 5']);
  });

  test('has lost its place after the grace', () => {
    const { server, big } = gone();
    server.step({ type: 'closed', client: big });
    server.pass(WAITER_GRACE_MS);
    expect(server.license()).toMatchObject({ waiting: 0 });
  });

  test('that polled on a new connection before the old one closed is still there', () => {
    const { server, holder, big } = gone();
    const again = server.client();
    server.ask(again, server.request(2, { count: 2, patienceMs }));
    server.step({ type: 'closed', client: big });
    server.pass(WAITER_GRACE_MS);
    expect(brief(server.ask(holder, server.release(9)))).toEqual(['released 6', 'grant 5']);
  });
});

describe('seats of the free pool', () => {
  test('come for the head of the line, and in one entry for all who wait', () => {
    const server = new Server(makeRlf({ codes: [{ limit: 12, distribution: { A: 2 } }] }));
    const clients = [1, 2, 3].map(() => server.client());
    const events = clients.map((client, at) => {
      return { type: 'message', client, message: server.request(at + 1, { count: 3 }) } as const;
    });
    expect(brief(server.step(...events))).toEqual(['grant 1', 'grant 2', 'grant 3']);
    expect(server.license()).toMatchObject({ inUse: 9 });
  });

  test('are not moved for a head that they can not serve', () => {
    const server = new Server(makeRlf({ codes: [{ limit: 6, distribution: { A: 4 } }] }));
    const holder = server.client();
    server.ask(holder, server.request(1, { count: 4 }));
    server.ask(server.client(), server.request(2, { count: 3, patienceMs }));
    expect(server.license()).toMatchObject({ freePool: 2, inUse: 4, waiting: 1 });
  });
});
