/** DESIGN sections 4, 6, 8 and 9: a newer RLF, and what it does to seats in use. */
import { describe, expect, test } from 'bun:test';
import { LmError } from '../../src/engine/errors.ts';
import type { Event } from '../../src/engine/event.ts';
import { CLOCK_DRIFT_MAX, MARGIN_MS } from '../../src/engine/limits.ts';
import { MessageType } from '../../src/engine/messages.ts';
import { ADMIN, makeRlf, type SampleCode, type SampleRlf } from './sample-rlf.ts';
import { Server } from './server.ts';

const { grant, alive, denied, released, waiting } = MessageType;
const L = 60_000;
const patienceMs = 600_000;

const rlfOf = (sequence: number, code: SampleCode, more: SampleRlf = {}) =>
  makeRlf({ sequence, codes: [{ keyLifetimeMs: L, ...code }], ...more });

const offer = (sequence: number, code: SampleCode, more?: SampleRlf): Event => ({
  type: 'offered',
  rlf: rlfOf(sequence, code, more),
});

/** A pool of one with this limit, with keys 1, 2, … that hold these seats. */
function holding(limit: number, ...counts: number[]) {
  const server = new Server(rlfOf(1, { limit }));
  const client = server.client();
  for (const [at, count] of counts.entries()) server.ask(client, server.request(at + 1, { count }));
  const message = (of: ReturnType<Server['request']>): Event => ({
    type: 'message',
    client,
    message: of,
  });
  return { server, client, message };
}

describe('a lower limit', () => {
  test('leaves seats in use alone; what is free pays at once, and each seat that comes free', () => {
    const { server, client } = holding(10, 5, 3);
    server.step(offer(2, { limit: 5 }));
    expect(server.license()).toMatchObject({ hardLimit: 5, inUse: 8, deficit: 3, available: 0 });
    expect(server.ask(client, server.heartbeat(1))[0]?.[0]).toBe(alive);
    expect(server.ask(client, server.request(9))[0]).toMatchObject({ 2: 'all-in-use' });
    server.ask(client, server.release(2));
    expect(server.license()).toMatchObject({ hardLimit: 5, inUse: 5, deficit: 0, available: 0 });
    expect(server.ask(client, server.request(9))[0]).toMatchObject({ 2: 'all-in-use' });
    server.ask(client, server.release(1));
    expect(server.ask(client, server.request(9, { count: 5 }))[0]?.[0]).toBe(grant);
  });

  test('while a part is owed still, nobody gets what came free', () => {
    const { server, client } = holding(10, 4, 2, 2, 2);
    server.step(offer(2, { limit: 5 }));
    server.ask(server.client(), server.request(9, { patienceMs }));
    server.ask(client, server.release(2));
    server.ask(client, server.release(3));
    expect(server.license()).toMatchObject({ inUse: 6, deficit: 1, waiting: 1 });
    expect(server.ask(client, server.release(4)).map(([type]) => type)).toEqual([released, grant]);
    expect(server.license()).toMatchObject({ inUse: 5, deficit: 0, available: 0, waiting: 0 });
  });

  test('turns away who waits for more than it', () => {
    const { server } = holding(10, 5);
    const waiter = server.client();
    expect(server.ask(waiter, server.request(9, { count: 8, patienceMs }))[0]?.[0]).toBe(waiting);
    expect(server.step(offer(2, { limit: 6 }))[0]).toMatchObject({ 1: 2, 2: 'exceeds-limit' });
  });

  test('raised again pays the deficit first', () => {
    const { server } = holding(10, 8);
    server.step(offer(2, { limit: 5 }));
    server.step(offer(3, { limit: 7 }));
    expect(server.license()).toMatchObject({ deficit: 1, available: 0 });
    server.step(offer(4, { limit: 12 }));
    expect(server.license()).toMatchObject({ deficit: 0, inUse: 8, available: 4 });
  });

  test('survives a restart at any moment', () => {
    const { server, client } = holding(10, 5, 3);
    server.crash(offer(2, { limit: 5 }));
    expect(server.license()).toMatchObject({ hardLimit: 5, inUse: 8, deficit: 3 });
    server.crash({ type: 'message', client, message: server.release(2) });
    expect(server.license()).toMatchObject({ hardLimit: 5, inUse: 5, deficit: 0 });
  });

  test('and a release in one batch, then a crash: what was on its way is not given twice', () => {
    const { server, message } = holding(10, 5, 3, 2);
    server.step(offer(2, { limit: 6 }));
    expect(server.license()).toMatchObject({ inUse: 10, deficit: 4 });
    server.crash(offer(3, { limit: 4 }), message(server.release(2)));
    expect(server.license()).toMatchObject({ hardLimit: 4, inUse: 7, deficit: 3, available: 0 });
    server.restart();
    expect(server.license()).toMatchObject({ hardLimit: 4, inUse: 7, deficit: 3, available: 0 });
  });
});

describe('a higher limit', () => {
  test('serves who waits', () => {
    const { server } = holding(4, 4);
    const waiter = server.client();
    server.ask(waiter, server.request(9, { count: 2, patienceMs }));
    expect(server.step(offer(2, { limit: 6 }))[0]).toMatchObject({ 0: grant, 1: 2 });
  });

  test('that pays a deficit while a release does too: the seats released serve who waits', () => {
    const { server, message } = holding(10, 5, 5);
    server.step(offer(2, { limit: 8 }));
    server.ask(server.client(), server.request(9, { count: 4, patienceMs }));
    expect(server.license()).toMatchObject({ deficit: 2, waiting: 1 });
    const answers = server.step(offer(3, { limit: 10 }), message(server.release(2)));
    expect(answers.map(([type]) => type)).toEqual([released, grant]);
    expect(server.license()).toMatchObject({ inUse: 9, available: 1, deficit: 0, waiting: 0 });
  });

  test('lowered again before a draw from it is applied: the draw is made anew', () => {
    const { server, message } = holding(4, 4);
    server.step(offer(2, { limit: 20 }));
    const asked = message(server.request(9, { count: 5, patienceMs }));
    const answers = server.step(offer(3, { limit: 10 }), asked);
    expect(answers.map(([type]) => type)).toContain(grant);
    expect(server.license()).toMatchObject({ inUse: 9, available: 1, waiting: 0 });
  });
});

describe('a license that a newer RLF', () => {
  const other = { application: 'Other' };

  test('drops: its seats run on under their name, and come back to nobody', () => {
    const { server, client } = holding(10, 4);
    server.step(offer(2, other));
    expect(server.ask(client, server.request(9))[0]).toMatchObject({ 2: 'unknown-application' });
    expect(server.ask(client, server.heartbeat(1))[0]?.[0]).toBe(alive);
    const again = server.ask(client, server.request(1))[0];
    expect(again?.slice(4, 8)).toEqual(['Acme', 'Application', '1', 4]);
    expect(server.license()).toMatchObject({ hardLimit: 0, deficit: 4, inUse: 4 });
    server.restart();
    server.ask(client, server.release(1));
    expect(() => server.license()).toThrow('no license');
    expect(server.license('Other')).toMatchObject({ available: 100 });
  });

  test('drops: who waits for it is told so', () => {
    const { server } = holding(10, 10);
    const waiter = server.client();
    server.ask(waiter, server.request(9, { patienceMs }));
    const [answer] = server.step(offer(2, other));
    expect(answer).toMatchObject({ 1: 2, 2: 'unknown-application' });
    expect(answer?.[3]).toContain('Application 1:');
  });

  test('drops and takes up again: as it says then', () => {
    const { server, client } = holding(10, 4);
    server.step(offer(2, other));
    server.step(offer(3, { limit: 6 }));
    expect(server.license()).toMatchObject({ hardLimit: 6, inUse: 4, available: 2, deficit: 0 });
    server.ask(client, server.release(1));
    server.step(offer(4, other));
    server.step(offer(5, { limit: 3 }));
    expect(server.license()).toMatchObject({ hardLimit: 3, available: 3, deficit: 0 });
  });

  test('gives a shorter lifetime: a key keeps the one it was granted with', () => {
    const { server, client } = holding(10, 4);
    server.step(offer(2, { limit: 10, keyLifetimeMs: 30_000 }));
    expect(server.ask(client, server.heartbeat(1))[0]).toMatchObject({ 0: alive, 3: L });
    server.pass(L * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS - 1);
    expect(server.license()).toMatchObject({ inUse: 4 });
    expect(server.ask(client, server.request(9))[0]?.[3]).toBe(30_000);
  });
});

describe('an RLF that is offered', () => {
  const failure = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return error instanceof LmError ? error.code : String(error);
    }
    return 'taken';
  };

  test('comes into force once, and then survives', () => {
    const { server } = holding(10);
    server.step(offer(2, { limit: 7 }));
    server.step(offer(2, { limit: 7 }));
    expect(server.core.state.rlf.sequence).toBe(2);
    expect(server.notices.filter(({ message }) => message.includes('in force'))).toHaveLength(1);
    server.restart();
    expect(server.license()).toMatchObject({ hardLimit: 7, available: 7 });
  });

  test('with a lower sequence is noted and left', () => {
    const { server } = holding(10);
    server.step(offer(3, { limit: 7 }));
    server.step(offer(2, { limit: 99 }));
    expect(server.license()).toMatchObject({ hardLimit: 7 });
    expect(server.notices.at(-1)).toMatchObject({
      level: 'warn',
      fields: { offered: 2, inForce: 3 },
    });
  });

  test('with the same sequence and other content, or of another pool, is refused by name', () => {
    const { server } = holding(10);
    expect(failure(() => server.step(offer(1, { limit: 7 })))).toBe('bad-data');
    expect(failure(() => server.step(offer(2, {}, { pool: 'other' })))).toBe('bad-data');
    const rlf = { ...rlfOf(2, {}), admin: ADMIN.publicKey.replace(/.$/, 'A') };
    expect(failure(() => server.step({ type: 'offered', rlf }))).toBe('untrusted');
    expect(server.license()).toMatchObject({ hardLimit: 10 });
  });
});

test('an application that an RLF on its way may license is asked for again, and not denied', () => {
  const { server, message } = holding(10);
  const asked = message(server.request(9, { application: 'New' }));
  const codes = [{ keyLifetimeMs: L, application: 'New', limit: 1 }];
  const newer: Event = { type: 'offered', rlf: makeRlf({ sequence: 2, codes }) };
  expect(server.step(newer, asked)[0]).toMatchObject({ 0: denied, 2: 'busy' });
  expect(server.step(asked)[0]?.[0]).toBe(grant);
  const other = message(server.request(10, { application: 'Other' }));
  expect(server.step(other)[0]).toMatchObject({ 0: denied, 2: 'unknown-application' });
});
