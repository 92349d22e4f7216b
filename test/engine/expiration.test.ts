/** A license that ends: what is said before, and what becomes of seats in use (DESIGN section 9). */
import { describe, expect, test } from 'bun:test';
import { type Heartbeat, MessageType } from '../../src/engine/messages.ts';
import { makeRlf } from './sample-rlf.ts';
import { keyBytes, Server, START } from './server.ts';

const { alive, denied, gone, heartbeat, released } = MessageType;
const DAY_MS = 86_400_000;

/** One whose license ends in 40 s, with a seat in use; then a minute has passed. */
function over(onExpiry: 'finish' | 'stop') {
  const expires = START + 40_000;
  const server = new Server(makeRlf({ codes: [{ limit: 2, expires, onExpiry }] }));
  const client = server.client();
  server.ask(client, server.request(1));
  server.pass(30_000);
  server.ask(client, server.heartbeat(1));
  server.pass(30_000);
  return { server, client };
}

/** The same, with a hold for an hour. */
function overWhileHeld(onExpiry: 'finish' | 'stop') {
  const expires = START + 40_000;
  const server = new Server(makeRlf({ codes: [{ limit: 2, expires, onExpiry }] }));
  const client = server.client();
  const request = server.request(1, { holdMs: 3_600_000 });
  const [granted] = server.ask(client, request);
  if (granted?.[0] !== MessageType.grant) throw new Error('the hold was not granted');
  const beat = (takes: boolean) => {
    const message: Heartbeat = [heartbeat, 9, keyBytes(1), granted[2], null, takes];
    return server.ask(client, message)[0];
  };
  server.pass(60_000);
  return { server, client, request, beat };
}

describe('seats on hold, once it is over', () => {
  test('`stop`: they are neither held any longer nor taken over, and end', () => {
    const { server, client, request, beat } = overWhileHeld('stop');
    expect(beat(false)).toMatchObject({ 0: gone, 2: 'expired' });
    expect(beat(true)).toMatchObject({ 0: gone, 2: 'expired' });
    expect(server.ask(client, request)[0]).toMatchObject({ 0: denied, 2: 'expired' });
    expect(server.license()).toMatchObject({ held: 1, inUse: 0 });
    server.pass(1.02 * 3_600_000);
    expect(server.license()).toMatchObject({ hardLimit: 0, held: 0, deficit: 0 });
  });

  test('`finish`: whoever runs with them takes them over, and runs on', () => {
    const { server, client, request, beat } = overWhileHeld('finish');
    expect(beat(false)?.[0]).toBe(alive);
    expect(server.ask(client, request)[0]?.[0]).toBe(MessageType.grant);
    expect(beat(true)?.[0]).toBe(alive);
    expect(server.license()).toMatchObject({ hardLimit: 0, held: 0, inUse: 1, deficit: 1 });
    expect(beat(false)?.[0]).toBe(alive);
  });
});

describe('once it is over', () => {
  test('`stop`: a seat in use is not renewed', () => {
    const { server, client } = over('stop');
    expect(server.ask(client, server.heartbeat(1))[0]).toMatchObject({ 0: gone, 2: 'expired' });
  });

  test('`finish`: it is, for as long as its application runs; nobody gets a new one', () => {
    const { server, client } = over('finish');
    for (let minutes = 0; minutes < 5; minutes++) {
      expect(server.ask(client, server.heartbeat(1))[0]?.[0]).toBe(alive);
      expect(server.ask(client, server.request(2))[0]).toMatchObject({ 0: denied, 2: 'expired' });
      server.pass(50_000);
    }
    expect(server.license()).toMatchObject({ hardLimit: 0, inUse: 1, deficit: 1 });
    expect(server.ask(client, server.release(1))[0]).toMatchObject({ 0: released, 2: true });
    expect(server.license()).toMatchObject({ inUse: 0, deficit: 0, available: 0 });
    expect(server.ask(client, server.heartbeat(1))[0]?.[0]).toBe(gone);
  });

  test('a clock that is set back does not bring it back', () => {
    const { server, client } = over('finish');
    server.wall -= 3_600_000;
    server.pass(1_000);
    expect(server.ask(client, server.request(2))[0]).toMatchObject({ 0: denied, 2: 'expired' });
  });
});

test('it is said 30, 7 and 1 days before, once each, and the status shows it', () => {
  const server = new Server(
    makeRlf({
      codes: [
        { limit: 5, expires: START + 40 * DAY_MS },
        { limit: 3, expires: null },
      ],
    }),
  );
  const expiring = () => (server.license() as unknown as { expiring: unknown }).expiring;
  const said: unknown[][] = [];
  expect(expiring()).toBeNull();
  for (let day = 1; day <= 41; day++) {
    server.pass(DAY_MS);
    for (const { level, message, fields } of server.notices.splice(0)) {
      if (message === 'seats of a license end soon') said.push([day, level, fields['days']]);
    }
    if (day === 35) expect(expiring()).toMatchObject({ days: 5, left: 3 });
  }
  expect(said).toEqual([
    [10, 'warn', 30],
    [33, 'warn', 7],
    [39, 'warn', 1],
  ]);
  expect(expiring()).toBeNull();
});

test('what is renewed in time is no matter', () => {
  const at = START + 5 * DAY_MS;
  const codes = [
    { limit: 5, expires: at },
    { limit: 5, notBefore: at },
  ];
  const server = new Server(makeRlf({ codes }));
  server.pass(DAY_MS);
  expect(server.notices.map(({ message }) => message)).not.toContain('seats of a license end soon');
});
