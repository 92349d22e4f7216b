/** DESIGN section 8: seats held without heartbeats are records of the ledger. */
import { describe, expect, test } from 'bun:test';
import { type Heartbeat, MessageType } from '../../src/engine/messages.ts';
import { makeRlf } from './sample-rlf.ts';
import { keyBytes, Server } from './server.ts';

const { grant, denied, alive, released } = MessageType;
const HOUR = 3_600_000;

/** A pool of one with three seats, two of them held for an hour; and who holds them. */
function holding() {
  const server = new Server(makeRlf({ codes: [{ limit: 3 }] }));
  const client = server.client();
  const [granted] = server.ask(client, server.request(1, { count: 2, holdMs: HOUR }));
  if (granted?.[0] !== grant) throw new Error('the hold was not granted');
  const ticket = granted[2];
  const beat = (takes: boolean): Heartbeat => {
    return [MessageType.heartbeat, 99, keyBytes(1), ticket, null, takes];
  };
  return { server, client, granted, beat };
}

describe('held seats', () => {
  test('are no seats of the row, and in use by nobody', () => {
    const { server, client, granted } = holding();
    expect(granted?.[3]).toBe(HOUR);
    expect(server.license()).toMatchObject({ held: 2, inUse: 0, available: 1 });
    expect(server.ask(client, server.request(2, { count: 2 }))[0]?.[0]).toBe(denied);
  });

  test('outlive restarts, timed anew, and end', () => {
    const { server } = holding();
    server.pass(HOUR / 2);
    server.restart();
    server.pass(HOUR * 0.9);
    expect(server.license()).toMatchObject({ held: 2 });
    server.pass(HOUR * 0.2);
    expect(server.license()).toMatchObject({ held: 0, available: 3 });
  });

  test('are granted once: a retry is answered alike', () => {
    const { server, client } = holding();
    const [again] = server.ask(client, server.request(1, { count: 2, holdMs: HOUR }));
    expect(again).toMatchObject({ 0: grant, 3: HOUR, 7: 2 });
    expect(server.license()).toMatchObject({ held: 2 });
  });

  test('are held anew by a heartbeat', () => {
    const { server, client, beat } = holding();
    server.pass(HOUR * 0.9);
    expect(server.ask(client, beat(false))[0]).toMatchObject({ 0: alive, 3: HOUR });
    server.pass(HOUR * 0.9);
    expect(server.license()).toMatchObject({ held: 2 });
  });

  test('are taken over as an ordinary seat, which lives by heartbeats', () => {
    const { server, client, beat } = holding();
    expect(server.ask(client, beat(true))[0]).toMatchObject({ 0: alive, 3: 60_000 });
    expect(server.license()).toMatchObject({ held: 0, inUse: 2, available: 1 });
    expect(server.ask(client, beat(true))[0]).toMatchObject({ 0: alive, 3: 60_000 });
    server.pass(2 * 60_000);
    expect(server.license()).toMatchObject({ held: 0, inUse: 0, available: 3 });
  });

  test('are given back, once', () => {
    const { server, client } = holding();
    expect(server.ask(client, server.release(1))[0]).toMatchObject({ 0: released, 2: true, 3: 2 });
    expect(server.ask(client, server.release(1))[0]).toMatchObject({ 0: released, 2: false });
    expect(server.license()).toMatchObject({ held: 0, available: 3 });
  });
});
