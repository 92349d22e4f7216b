/** Several servers: who is asked for seats, whose line is joined, and what lives on meanwhile. */
import { expect, test } from 'bun:test';
import { MessageType } from '../../src/net/protocol.ts';
import { type FakeServer, generous, type Handler, TICKET } from './fake-server.ts';
import { clientOf, movableClock, poolOf } from './harness.ts';
import { failureOf, until } from './until.ts';

const L = 600_000;
const { request, denied, waiting, heartbeat, alive, release } = MessageType;

/** Has seats of some applications only; whoever has patience waits in the line. */
const hasOnly =
  (...applications: string[]): Handler =>
  (message, send, peer) => {
    const [type, sequence] = message;
    if (type !== request || applications.includes(String(message[4]))) {
      generous(L)(message, send, peer);
    } else if (message[7] === 0) {
      send([denied, sequence, 'all-in-use', 'All in use.', '', {}]);
    } else {
      send([waiting, sequence, 1, 1, 60_000]);
    }
  };

const refuses =
  (code: string): Handler =>
  ([type, sequence], send) => {
    if (type === request) send([denied, sequence, code, code, '', {}]);
  };

/** The patience of each request, as a word. */
const asked = (server: FakeServer) =>
  server.ofType(request).map((message) => (message[7] === 0 ? 'now' : 'in line'));

test('a seat is held at one server, and another is had at the next: nothing is dropped', async () => {
  const time = movableClock();
  const { named, options } = await poolOf({ A: hasOnly('One'), B: hasOnly('Two') });
  const [a, b] = [named('A'), named('B')];
  const client = clientOf(a, { ...options, clock: time.clock });
  const one = await client.request({ application: 'One' });
  const lost: unknown[] = [];
  one.on('lost', (reason) => lost.push(reason));
  const two = await client.request({ application: 'Two' });
  expect([one.server, two.server]).toEqual(['A', 'B']);
  // From then on both are renewed at the server that had a seat.
  time.advance(L / 3);
  await until(() => b.ofType(heartbeat).length === 2, 'B heard of both seats');
  expect([a.ofType(heartbeat).length, lost, one.valid, one.server]).toEqual([0, [], true, 'A']);
});

test('a denial everywhere moves nothing: the seats stay where they are', async () => {
  const time = movableClock();
  const { named, options } = await poolOf({ A: hasOnly('One'), B: hasOnly(), C: hasOnly() });
  const a = named('A');
  const client = clientOf(a, { ...options, clock: time.clock });
  await client.request({ application: 'One' });
  const failures = await Promise.all(
    [1, 2, 3].map(() => failureOf(client.request({ application: 'Two' }))),
  );
  expect(failures).toMatchObject([1, 2, 3].map(() => ({ code: 'all-in-use' })));
  // They were asked over one connection each, by the side of the first.
  expect([a, named('B'), named('C')].map(({ connections }) => connections)).toEqual([1, 1, 1]);
  time.advance(L / 3);
  await until(() => a.ofType(heartbeat).length === 1, 'A renews it');
});

test('of several refusals the most hopeful is told, whoever was asked last', async () => {
  const { named, options } = await poolOf({
    A: refuses('all-in-use'),
    B: refuses('no-majority'),
    C: refuses('unknown-application'),
  });
  const failure = await failureOf(clientOf(named('A'), options).request({ application: 'App' }));
  expect(failure).toMatchObject({ code: 'all-in-use' });
  expect(named('C').ofType(request)).toHaveLength(1);
});

test('all servers are asked for an answer now before the line of the first is joined', async () => {
  const { named, options } = await poolOf({ A: hasOnly(), B: hasOnly(), C: hasOnly() });
  const abort = new AbortController();
  const failure = await failureOf(
    clientOf(named('A'), options).request({
      application: 'App',
      waitMs: 60_000,
      signal: abort.signal,
      onWaiting: () => abort.abort('enough'),
    }),
  );
  expect(failure).toBe('enough');
  expect(['A', 'B', 'C'].map((name) => asked(named(name)))).toEqual([
    ['now', 'in line'],
    ['now'],
    ['now'],
  ]);
});

test('the line is joined at the first server that has one, not at one without a majority', async () => {
  const { named, options } = await poolOf({
    A: refuses('no-majority'),
    B: hasOnly(),
    C: hasOnly(),
  });
  const abort = new AbortController();
  await failureOf(
    clientOf(named('A'), options).request({
      application: 'App',
      waitMs: 60_000,
      signal: abort.signal,
      onWaiting: () => abort.abort('enough'),
    }),
  );
  expect(['A', 'B', 'C'].map((name) => asked(named(name)))).toEqual([
    ['now'],
    ['now', 'in line'],
    ['now'],
  ]);
  await until(() => named('B').ofType(release).length === 1, 'it left the line where it stood');
  expect(named('C').ofType(release)).toHaveLength(0);
});

test('the line is that of the first server of the list, whoever is connected', async () => {
  const { named, options } = await poolOf({ A: hasOnly(), B: hasOnly('One'), C: hasOnly() });
  const client = clientOf(named('A'), options);
  expect((await client.request({ application: 'One' })).server).toBe('B');
  const abort = new AbortController();
  await failureOf(
    client.request({
      application: 'Two',
      waitMs: 60_000,
      signal: abort.signal,
      onWaiting: () => abort.abort('enough'),
    }),
  );
  expect(['A', 'B', 'C'].map((name) => asked(named(name)))).toEqual([
    ['now', 'now', 'in line'],
    ['now', 'now'],
    ['now'],
  ]);
});

test('a waiter keeps its place while another request is granted elsewhere', async () => {
  const { named, options } = await poolOf({ A: hasOnly(), B: hasOnly('Two') });
  const [a, b] = [named('A'), named('B')];
  const client = clientOf(a, options);
  const abort = new AbortController();
  let places = 0;
  const waiter = failureOf(
    client.request({
      application: 'One',
      waitMs: 60_000,
      signal: abort.signal,
      onWaiting: () => places++,
    }),
  );
  await until(() => places === 1, 'it stands in the line of A');
  const seat = await client.request({ application: 'Two' });
  expect(seat.server).toBe('B');
  expect([a.connections, asked(a)]).toEqual([1, ['now', 'in line', 'now']]);
  abort.abort('enough');
  expect(await waiter).toBe('enough');
  await until(() => a.ofType(release).length === 1, 'it left the line of A');
  expect(b.ofType(release)).toHaveLength(0);
});

test('a server of the line that is lost: the request goes on at another', async () => {
  const { named, options } = await poolOf({ A: hasOnly(), B: hasOnly() });
  const [a, b] = [named('A'), named('B')];
  const abort = new AbortController();
  const waiter = failureOf(
    clientOf(a, options).request({ application: 'App', waitMs: 60_000, signal: abort.signal }),
  );
  await until(() => asked(a).includes('in line'), 'it stands in the line of A');
  await a.stop();
  await until(() => asked(b).includes('in line'), 'it stands in the line of B');
  const keys = [a, b].flatMap((server) => server.ofType(request).map(([, , key]) => String(key)));
  expect(new Set(keys).size).toBe(1);
  abort.abort('enough');
  expect(await waiter).toBe('enough');
});

test('a newer RLF: the list is learned anew, and its new server takes over', async () => {
  const time = movableClock();
  const newer: Handler = (message, send, peer) => {
    if (message[0] !== heartbeat) return generous(L)(message, send, peer);
    send([alive, message[1], TICKET, L, 2]);
  };
  const { named, listed, options } = await poolOf({ A: newer, B: generous(L) });
  const [a, b] = [named('A'), named('B')];
  const client = clientOf(a, { servers: a.address, clock: time.clock });
  const seat = await client.request({ application: 'App' });
  // B was listed from the start; C comes with the newer RLF.
  const more = await poolOf({ C: generous(L) });
  listed.push(...more.listed);
  time.advance(L / 3);
  await until(() => a.hellos.length === 2, 'A was greeted anew');
  time.advance(L / 3);
  await until(() => a.ofType(heartbeat).length === 2, 'the new connection is used');
  await a.stop();
  await b.stop();
  await until(() => more.named('C').ofType(heartbeat).length === 1, 'C was asked');
  expect([seat.valid, options.servers.includes(more.named('C').address)]).toEqual([true, false]);
});

test('who waits shows its newest place wherever it goes, when its server is lost', async () => {
  const places = [1, 2, 3].map((byte) => new Uint8Array(40).fill(byte));
  let told = 0;
  const line: Handler = ([type, sequence, , , , , , patienceMs], send) => {
    if (type !== request) return;
    if (patienceMs === 0) send([denied, sequence, 'all-in-use', 'All in use.', '', {}]);
    else send([waiting, sequence, 1, 1, 150, places[Math.min(told++, 2)]]);
  };
  const shown: unknown[] = [];
  const second: Handler = (message, send, peer) => {
    if (message[0] === request && message[7] !== 0) shown.push(message[9]);
    if (message[0] === request && message[7] === 0) line(message, send, peer);
    else generous(L)(message, send, peer);
  };
  const { named, options } = await poolOf({ A: line, B: second });
  const asking = clientOf(named('A'), options).request({ application: 'One', waitMs: 60_000 });
  await until(() => told > 2, 'it polled');
  const polls = named('A')
    .ofType(request)
    .filter((message) => message[7] !== 0);
  expect(polls[0]?.[9]).toBeNull();
  expect(polls[1]?.[9]).toEqual(places[0]);
  await named('A').stop();
  expect((await asking).server).toBe('B');
  expect(shown).toEqual([places[2]]);
});
