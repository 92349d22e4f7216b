/** An RLF of many codes is read a little at a time, by all servers before it is in force (9). */
import { expect, spyOn, test } from 'bun:test';
import {
  CODES_READ_AT_ONCE,
  CODES_READ_PAUSE_MS,
  CODES_READ_WHOLE,
} from '../../src/engine/limits.ts';
import { MessageType } from '../../src/engine/messages.ts';
import { ScenarioPool } from '../scenarios/pool.ts';
import { makeRlf } from './sample-rlf.ts';
import { Server, START } from './server.ts';

const MANY = CODES_READ_WHOLE + 3 * CODES_READ_AT_ONCE;
let made = 0;

/** New codes each time, and other RLFs after it: what was read a moment ago is not read again. */
function large(servers: readonly string[]) {
  const id = ++made;
  const codes = Array.from({ length: MANY }, (_, at) => ({
    id: `large-${id}-${at}`,
    application: `Application ${at}`,
    limit: 3,
  }));
  const rlf = makeRlf({ sequence: 2, servers, codes });
  for (const limit of [1, 2]) makeRlf({ codes: [{ limit }] });
  return rlf;
}

function running(names: readonly string[]): ScenarioPool {
  const pool = new ScenarioPool(names, [{ limit: 9 }]);
  for (const server of pool.servers) server.start();
  pool.link();
  pool.advance(3_000);
  return pool;
}

test('a push is answered once all of it was read, and requests in between at once', () => {
  const server = new Server(makeRlf({ codes: [{ limit: 5 }] }));
  const client = server.client();
  const { text } = large(['A']);
  const push = { client, sequence: 9, text, bytes: text.length, isTrial: false };
  let answers = server.step({ type: 'pushed', push });
  let turns = 0;
  for (; answers.length === 0; turns++) {
    expect(server.core.nextTick).toBeLessThanOrEqual(server.boot + CODES_READ_PAUSE_MS);
    expect(server.ask(client, server.request(turns + 1))[0]?.[0]).not.toBe(MessageType.error);
    answers = server.pass(CODES_READ_PAUSE_MS);
  }
  expect(turns).toBeGreaterThanOrEqual(Math.ceil(MANY / CODES_READ_AT_ONCE));
  expect(answers[0]).toMatchObject({ 0: MessageType.rlfPushed, 1: 9, 3: { sequence: 2 } });
  expect(server.core.state.rlf.sequence).toBe(2);
});

test('junk is refused before its codes are looked at', () => {
  const server = new Server(makeRlf({ codes: [{ limit: 5, expires: START + 9e9 }] }));
  const client = server.client();
  const text = large(['A']).text.replace('sequence = 2', 'sequence = 3');
  const push = { client, sequence: 9, text, bytes: text.length, isTrial: false };
  const [answer] = server.step({ type: 'pushed', push });
  expect(answer).toMatchObject({ 0: MessageType.error, 1: 9, 2: 'bad-data' });
});

test('a leader puts it in force once the others that are up have read it, too', () => {
  const pool = running(['A', 'B', 'C']);
  const rlf = large(['A', 'B', 'C']);
  const [a, b, c] = pool.servers;
  c?.crash();
  pool.ways.set('A>B', 300);
  a?.step({ type: 'offered', rlf });
  pool.advance(250);
  expect(a?.core?.state.rlf.sequence).toBe(1);
  pool.advance(3_000);
  expect([a, b].map((server) => server?.core?.state.rlf.sequence)).toEqual([2, 2]);
  pool.check();
});

test('a follower that it was pushed to has read it, and nobody waits for it', () => {
  const pool = running(['A', 'B', 'C']);
  const rlf = large(['A', 'B', 'C']);
  pool.servers[1]?.step({ type: 'offered', rlf });
  pool.advance(5_000);
  expect(pool.servers.map((server) => server.core?.state.rlf.sequence)).toEqual([2, 2, 2]);
  pool.check();
});

test.each([
  [['A', 'B', 'C'], ['B']],
  [
    ['A', 'B', 'C', 'D', 'E'],
    ['B', 'C'],
  ],
])('of %p no more than a minority takes it apart at the same time: first %p', (names, first) => {
  const pool = running(names);
  const posted = spyOn(pool, 'post');
  const given = () => {
    const offers = posted.mock.calls.filter(([, , { type }]) => type === 'offer');
    return offers.map(([, { name }]) => name).sort();
  };
  pool.servers[0]?.step({ type: 'offered', rlf: large(names) });
  expect(given()).toEqual(first);
  pool.advance(5_000);
  expect(given()).toEqual(names.slice(1));
  expect(pool.servers.map((server) => server.core?.state.rlf.sequence)).toEqual(names.map(() => 2));
});
