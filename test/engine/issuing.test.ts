/** DESIGN sections 6 and 7: requests, retries, heartbeats, releases, and the end of a lifetime. */
import { describe, expect, test } from 'bun:test';
import { CLOCK_DRIFT_MAX, MARGIN_MS } from '../../src/engine/limits.ts';
import { type CoreMessage, MessageType } from '../../src/engine/messages.ts';
import { idTextOfKey } from '../../src/engine/seat-key.ts';
import { makeRlf } from './sample-rlf.ts';
import { Server, START } from './server.ts';

const { grant, denied, alive, gone, released, waiting } = MessageType;
const L = 60_000;
const DEADLINE = L * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS;
/** Ends are looked for a few times a second. */
const LOOK = 300;

const serverOf = (limit: number) => new Server(makeRlf({ codes: [{ limit, keyLifetimeMs: L }] }));
const types = (messages: readonly CoreMessage[]) => messages.map(([type]) => type);

describe('a request', () => {
  test('is granted with the lifetime of its license, and is on record', () => {
    const server = serverOf(5);
    const [message] = server.ask(server.client(), server.request(1, { count: 3 }));
    const ticket = expect.any(Uint8Array);
    const wish = ['Acme', 'Application', '1.0', 3] as const;
    expect(message).toEqual([grant, 1, ticket, L, ...wish, 1]);
    server.restart();
    expect(server.license()).toMatchObject({ inUse: 3, available: 2 });
  });

  test('repeated finds its own grant and renews it', () => {
    const server = serverOf(5);
    const client = server.client();
    server.ask(client, server.request(1, { count: 2 }));
    server.pass(DEADLINE - 1);
    // From another connection, and with another count: it is the key that counts.
    expect(server.ask(server.client(), server.request(1, { count: 4 }))[0]).toMatchObject({ 7: 2 });
    expect(server.license()).toMatchObject({ inUse: 2 });
    server.pass(DEADLINE - 1);
    expect(server.license()).toMatchObject({ inUse: 2 });
    server.pass(LOOK);
    expect(server.license()).toMatchObject({ inUse: 0 });
  });

  test('repeated within one batch is granted once', () => {
    const server = serverOf(5);
    const client = server.client();
    const messages = [server.request(1), server.request(1), server.heartbeat(1)];
    const events = messages.map((message) => ({ type: 'message', client, message }) as const);
    expect(types(server.step(...events))).toEqual([grant, grant, alive]);
    expect(server.license()).toMatchObject({ inUse: 1 });
  });

  test('for what is not licensed says what', () => {
    const server = serverOf(5);
    const client = server.client();
    const codeOf = (options: object) => server.ask(client, server.request(9, options))[0]?.[2];
    expect(codeOf({ application: 'Other' })).toBe('unknown-application');
    expect(codeOf({ vendor: 'Other' })).toBe('unknown-application');
    expect(codeOf({ version: '1.0.1' })).toBe('version-not-licensed');
    expect(codeOf({ count: 6 })).toBe('exceeds-limit');
    expect(codeOf({ count: 6, patienceMs: 1_000 })).toBe('exceeds-limit');
    expect(codeOf({ version: '0.9', vendor: 'Acme' })).toBeInstanceOf(Uint8Array);
  });
});

describe('a key', () => {
  test('lives for its lifetime, as the slowest holder may count it, and then its seats come back', () => {
    const server = serverOf(5);
    server.ask(server.client(), server.request(1, { count: 5 }));
    server.pass(DEADLINE - 1);
    expect(server.license()).toMatchObject({ inUse: 5 });
    server.pass(LOOK);
    expect(server.license()).toMatchObject({ inUse: 0, available: 5 });
    expect(server.ask(server.client(), server.heartbeat(1))[0]).toMatchObject({
      0: gone,
      2: 'unknown-key',
    });
  });

  test('is renewed by each heartbeat', () => {
    const server = serverOf(1);
    const client = server.client();
    server.ask(client, server.request(1));
    for (let beat = 0; beat < 5; beat++) {
      server.pass(DEADLINE - 1);
      expect(server.ask(client, server.heartbeat(1))[0]).toMatchObject({ 0: alive, 3: L });
    }
    server.pass(DEADLINE + LOOK);
    expect(server.license()).toMatchObject({ inUse: 0 });
  });

  test('counts as heard at a start: nothing is known of what came before', () => {
    const server = serverOf(1);
    server.ask(server.client(), server.request(1));
    server.pass(DEADLINE - 1);
    server.restart();
    server.pass(DEADLINE - 1);
    expect(server.license()).toMatchObject({ inUse: 1 });
    server.pass(LOOK);
    expect(server.license()).toMatchObject({ inUse: 0 });
    server.restart();
    expect(server.license()).toMatchObject({ inUse: 0 });
  });

  test('on hold lives as long as the hold', () => {
    const server = serverOf(1);
    const hold = 3 * L;
    expect(server.ask(server.client(), server.request(1, { holdMs: hold }))[0]?.[3]).toBe(hold);
    server.pass(hold * (1 + CLOCK_DRIFT_MAX));
    expect(server.license()).toMatchObject({ inUse: 0, held: 1, available: 0 });
    server.pass(MARGIN_MS + LOOK);
    expect(server.license()).toMatchObject({ held: 0, available: 1 });
  });
});

describe('a release', () => {
  test('gives the seats back, for good', () => {
    const server = serverOf(5);
    const client = server.client();
    server.ask(client, server.request(1, { count: 5 }));
    expect(server.ask(client, server.release(1))[0]).toEqual([released, 2, true, 5]);
    server.restart();
    expect(server.license()).toMatchObject({ inUse: 0, available: 5 });
    expect(server.ask(client, server.release(1))[0]).toEqual([released, 4, false, 0]);
    expect(server.ask(client, server.heartbeat(1))[0]?.[0]).toBe(gone);
  });

  test('of a key that never was is no error', () => {
    const server = serverOf(5);
    expect(server.ask(server.client(), server.release(9))[0]).toEqual([released, 1, false, 0]);
  });

  test('serves who waits, in the same step', () => {
    const server = serverOf(2);
    const [holder, waiter] = [server.client(), server.client()];
    server.ask(holder, server.request(1, { count: 2 }));
    expect(types(server.ask(waiter, server.request(2, { patienceMs: 9_000 })))).toEqual([waiting]);
    expect(types(server.ask(holder, server.release(1)))).toEqual([released, grant]);
  });
});

describe('a license that is over', () => {
  const over = () => {
    const rlf = makeRlf({ codes: [{ limit: 5, keyLifetimeMs: L, expires: START + 30_000 }] });
    const server = new Server(rlf);
    const client = server.client();
    expect(server.ask(client, server.request(1))[0]?.[0]).toBe(grant);
    server.pass(30_001);
    return { server, client };
  };

  test('grants nothing more', () => {
    const { server, client } = over();
    expect(server.ask(client, server.request(2))[0]).toMatchObject({ 0: denied, 2: 'expired' });
  });

  test('renews nothing more: not by a heartbeat, and not by asking again', () => {
    const { server, client } = over();
    expect(server.ask(client, server.heartbeat(1))[0]).toMatchObject({ 0: gone, 2: 'expired' });
    expect(server.ask(client, server.request(1))[0]).toMatchObject({ 0: denied, 2: 'expired' });
    server.pass(DEADLINE - 30_001 + LOOK);
    expect(server.core.keyCount).toBe(0);
    expect(server.license()).toMatchObject({ hardLimit: 0, deficit: 0, inUse: 0 });
  });

  test('is not revived by a clock that is set back, nor by a restart after that', () => {
    const { server, client } = over();
    server.wall = START - 24 * 3_600_000;
    server.pass(60_000);
    expect(server.ask(client, server.request(2))[0]?.[2]).toBe('expired');
    server.restart();
    expect(server.ask(client, server.request(2))[0]?.[2]).toBe('expired');
  });
});

test('a clock that jumps ahead ends no license', () => {
  const server = new Server(makeRlf({ codes: [{ limit: 5, expires: START + 24 * 3_600_000 }] }));
  server.wall += 48 * 3_600_000;
  server.pass(60_000);
  expect(server.ask(server.client(), server.request(1))[0]?.[0]).toBe(grant);
});

test('license time is entered in time, though its clock goes a little slower', () => {
  const server = new Server(makeRlf({ codes: [{ limit: 5 }] }));
  const { mark } = server.core.state;
  while (server.boot < 200_000) {
    const due = server.core.nextTick;
    const ms = due - server.boot;
    server.boot = due;
    server.wall += ms * 0.995;
    server.step({ type: 'tick' });
  }
  expect(server.core.state.mark - mark).toBeGreaterThanOrEqual(60_000);
});

test('license time goes on from a mark that a crash left in the log', () => {
  const server = new Server(makeRlf({ codes: [{ limit: 5 }] }));
  server.boot += 60_000;
  server.wall += 60_000;
  server.die({ type: 'tick' });
  server.wall = START;
  server.restart();
  const { mark } = server.core.state;
  expect(mark).toBe(START + 60_000);
  server.boot += 61_000;
  server.wall += 61_000;
  server.step({ type: 'tick' });
  expect(server.core.state.mark).toBeGreaterThanOrEqual(mark + 60_000);
});

test('a license that has not begun says when it does, and then does', () => {
  const server = new Server(makeRlf({ codes: [{ limit: 5, notBefore: START + 90_000 }] }));
  const client = server.client();
  expect(server.ask(client, server.request(1))[0]?.[2]).toBe('not-yet-valid');
  server.pass(89_000);
  expect(server.ask(client, server.request(1))[0]?.[2]).toBe('not-yet-valid');
  server.pass(1_001);
  expect(server.ask(client, server.request(1))[0]?.[0]).toBe(grant);
});

test('a proof names a key as its grant did', () => {
  const server = new Server(makeRlf({ codes: [{ version: '1.0' }] }));
  const request = server.request(1);
  const [granted] = server.ask(server.client(), request);
  const [, , , , vendor, application, version, count] = granted ?? [];
  const id = idTextOfKey(request[2] as Uint8Array);
  const held = server.core.authorization(id, { boot: server.boot, wall: server.wall });
  expect(held).toMatchObject({ vendor, application, version, count });
});
