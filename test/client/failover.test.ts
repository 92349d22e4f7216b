/**
 * The server of a seat is lost (DESIGN section 7): the others relay, let wait, or take the seat
 * over, and the client follows, as long as its lifetime runs.
 */
import { expect, test } from 'bun:test';
import { sendHeartbeat } from '../../src/net/client/heartbeat.ts';
import { BUSY_ANSWERS_MAX } from '../../src/net/client/limits.ts';
import { PoolLink } from '../../src/net/client/link.ts';
import { Memory } from '../../src/net/client/memory.ts';
import { Scheduler } from '../../src/net/client/scheduler.ts';
import { resolveTrust } from '../../src/net/client/trust.ts';
import { Verifier } from '../../src/net/client/verifier.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { type FakeServer, generous, type Handler, TICKET } from './fake-server.ts';
import { clientOf, movableClock, poolOf } from './harness.ts';
import { until } from './until.ts';

const L = 600_000;
const NEW_TICKET = new Uint8Array(16).fill(9);

const { heartbeat, alive, fenced, gone, release } = MessageType;

/** Answers the heartbeats in turn, the last answer for good; all else generously. */
function beats(...answers: ((sequence: unknown) => readonly unknown[])[]): Handler {
  let at = 0;
  return (message, send, peer) => {
    if (message[0] !== heartbeat) return generous(L)(message, send, peer);
    const answer = answers[Math.min(at++, answers.length - 1)];
    if (answer !== undefined) send(answer(message[1]));
  };
}

const isAlive = (sequence: unknown) => [alive, sequence, NEW_TICKET, L, 1];
const isFenced = (fence: number) => (sequence: unknown) => [fenced, sequence, fence, 'A'];
const isGone = (code: string) => (sequence: unknown) => [gone, sequence, code, 'Not now.', ''];

/** What the heartbeats quoted, in order; undefined for none. */
const fences = (server: FakeServer) => server.ofType(heartbeat).map((message) => message[4]);

/** A seat from A in a pool with these others; A is gone. */
async function orphan(others: Readonly<Record<string, Handler>>, clock?: () => number) {
  const pool = await poolOf({ A: generous(L), ...others });
  const a = pool.named('A');
  const client = clientOf(a, { ...pool.options, ...(clock === undefined ? {} : { clock }) });
  const seat = await client.request({ application: 'App' });
  const lost: string[] = [];
  seat.on('lost', ({ code }) => lost.push(code));
  await a.stop();
  return { ...pool, client, seat, lost };
}

test('a seat of a fenced server is claimed at the next one, at once and on one connection', async () => {
  const peers = new Set<number>();
  const answers = beats(isFenced(7), isAlive);
  const { named, seat, lost } = await orphan({
    B: (message, send, peer) => {
      peers.add(peer.number);
      answers(message, send, peer);
    },
  });
  const b = named('B');
  expect(seat.server).toBe('A');
  await until(() => seat.server === 'B', 'B took the seat over');
  expect(fences(b)).toEqual([undefined, 7]);
  const [first, second] = b.ofType(heartbeat);
  expect(second?.slice(2, 4)).toEqual(first?.slice(2, 4) ?? []);
  expect([seat.valid, lost, peers.size]).toEqual([true, [], 1]);
});

test('after a claim the seat is renewed with its new ticket, and released there', async () => {
  const time = movableClock();
  const { named, seat } = await orphan({ B: beats(isFenced(7), isAlive) }, time.clock);
  const b = named('B');
  await until(() => seat.server === 'B', 'B took the seat over');
  time.advance(L / 3);
  await until(() => b.ofType(heartbeat).length === 3, 'it was renewed');
  expect(b.ofType(heartbeat)[2]?.[3]).toEqual(NEW_TICKET);
  expect(fences(b)).toEqual([undefined, 7, undefined]);
  expect(await seat.release()).toBe(true);
  expect(b.ofType(release)[0]?.[3]).toEqual(NEW_TICKET);
});

test('a relayed heartbeat leaves the seat where it is', async () => {
  const time = movableClock();
  const { named, seat } = await orphan({ B: beats(isAlive) }, time.clock);
  const b = named('B');
  await until(() => b.ofType(heartbeat).length === 1, 'B heard of the seat');
  time.advance(L / 3);
  await until(() => b.ofType(heartbeat).length === 2, 'B heard of it again');
  expect([seat.server, b.ofType(heartbeat)[1]?.[3]]).toEqual(['A', NEW_TICKET]);
});

test('a fence that is told after the lifetime is never quoted: the seat is lost', async () => {
  const time = movableClock();
  const pool = await poolOf({
    A: generous(L),
    B: (message, send, peer) => {
      // Before the client looks at the clock by itself.
      if (message[0] === heartbeat) time.advance(L);
      beats(isFenced(7))(message, send, peer);
    },
  });
  const [a, b] = [pool.named('A'), pool.named('B')];
  const client = clientOf(a, { ...pool.options, clock: time.clock, tickMs: 500 });
  const seat = await client.request({ application: 'App' });
  const { id } = seat;
  const lost: string[] = [];
  seat.on('lost', ({ code }) => lost.push(code));
  await a.stop();
  await until(() => lost.length > 0, 'it was lost');
  await until(() => seat.id !== id, 'it was asked for anew');
  const old = b.ofType(heartbeat).filter(([, , key]) => {
    return Buffer.from(key as Uint8Array).equals(
      Buffer.from(b.ofType(release)[0]?.[2] as Uint8Array),
    );
  });
  expect(old.map((message) => message[4])).toEqual([undefined]);
  expect(lost).toEqual(['lost']);
});

test('a claim that comes too late for one fence quotes the next', async () => {
  const { named, seat, lost } = await orphan({ B: beats(isFenced(7), isFenced(9), isAlive) });
  await until(() => seat.server === 'B', 'B took the seat over');
  expect(fences(named('B'))).toEqual([undefined, 7, 9]);
  expect(lost).toEqual([]);
});

test('the same fence twice is no reason to claim in a loop: it pauses and begins anew', async () => {
  const again = isFenced(7);
  const { named, seat, lost } = await orphan({
    B: beats(again, again, again, again, isAlive),
  });
  await until(() => fences(named('B')).length === 5, 'it went on asking');
  expect(fences(named('B'))).toEqual([undefined, 7, undefined, 7, undefined]);
  // Renewed without a claim, so it lives where it lived.
  expect([seat.server, lost]).toEqual(['A', []]);
});

test('ever new fences are followed a few times in a row, not for ever', async () => {
  const ever = [...Array(9).keys()].map((fence) => isFenced(fence));
  const { named } = await orphan({ B: beats(...ever, isAlive) });
  await until(() => fences(named('B')).length >= 6, 'it went on asking');
  expect(fences(named('B')).slice(0, 6)).toEqual([undefined, 0, 1, 2, 3, undefined]);
});

test('busy passes: it asks again here, then elsewhere, and the seat lives on', async () => {
  const time = movableClock();
  const servers = { B: beats(isGone('busy')), C: beats(isAlive) };
  const { named, seat, lost } = await orphan(servers, time.clock);
  const isAsked = () => {
    time.advance(10);
    return named('C').ofType(heartbeat).length === 1;
  };
  await until(isAsked, 'C was asked');
  expect(named('B').ofType(heartbeat)).toHaveLength(BUSY_ANSWERS_MAX);
  expect([seat.valid, lost]).toEqual([true, []]);
});

test('without a majority the next server is asked, all around until one has it again', async () => {
  const none = isGone('no-majority');
  const { named, seat, lost } = await orphan({ B: beats(none, isAlive), C: beats(none) });
  await until(() => named('B').ofType(heartbeat).length === 2, 'B was asked again');
  expect(named('C').ofType(heartbeat)).toHaveLength(1);
  expect([seat.valid, lost]).toEqual([true, []]);
});

test('the next server is dead: it goes on to those behind it, and not back to the first', async () => {
  const none = beats(isGone('no-majority'));
  const pool = await poolOf({ A: none, B: generous(L), C: beats(isAlive), D: generous(L) });
  const time = movableClock();
  const client = clientOf(pool.named('A'), { ...pool.options, clock: time.clock });
  const seat = await client.request({ application: 'App' });
  await pool.named('B').stop();
  time.advance(L / 3);
  await until(() => pool.named('C').ofType(heartbeat).length > 0, 'C was asked');
  expect(pool.named('A').ofType(heartbeat)).toHaveLength(1);
  expect(seat.valid).toBe(true);
});

test('a server without the seat does not end it; the one that issued it does', async () => {
  const time = movableClock();
  const pool = await poolOf({ A: beats(isGone('unknown-key')), B: beats(isGone('unknown-key')) });
  const a = pool.named('A');
  const seat = await clientOf(a, { ...pool.options, clock: time.clock }).request({
    application: 'App',
  });
  const lost: string[] = [];
  seat.on('lost', ({ message }) => lost.push(message));
  time.advance(L / 3);
  await until(() => lost.length === 1, 'A said so');
  const other = await orphan({ B: beats(isGone('unknown-key')), C: beats(isAlive) });
  await until(() => other.named('C').ofType(heartbeat).length > 0, 'C was asked');
  expect([other.seat.valid, other.lost]).toEqual([true, []]);
});

test('busy until the lifetime is over: the seat is valid until then, and lost after it', async () => {
  const time = movableClock();
  const { named, seat, lost } = await orphan({ B: beats(isGone('busy')) }, time.clock);
  const b = named('B');
  await until(() => b.ofType(heartbeat).length >= 2, 'it asked');
  time.advance(L - 60_000);
  const asked = b.ofType(heartbeat).length;
  await until(() => b.ofType(heartbeat).length > asked, 'it asks on');
  expect([seat.valid, lost]).toEqual([true, []]);
  time.advance(60_000);
  expect(seat.valid).toBe(false);
  await until(() => lost.length === 1, 'it was lost');
});

test('the less is left of a lifetime, the sooner it asks again', async () => {
  const time = movableClock();
  const short = 26_000;
  let asked: number[] = [];
  const busy: Handler = (message, send, peer) => {
    if (message[0] === heartbeat) {
      asked.push(time.clock());
      send(isGone('busy')(message[1]));
    } else generous(short)(message, send, peer);
  };
  const pool = await poolOf({ A: generous(short), B: busy });
  const client = clientOf(pool.named('A'), { ...pool.options, clock: time.clock });
  const seat = await client.request({ application: 'App' });
  await pool.named('A').stop();
  await until(() => asked.length > 0, 'B was asked');
  const last = 4_000;
  time.advance(short - last - 1_000);
  asked = [];
  const isOver = () => {
    time.advance(8);
    return !seat.valid;
  };
  await until(isOver, 'its lifetime is over');
  const [first = 0] = asked;
  expect(asked.filter((at) => at < first + last).length).toBeGreaterThan(6);
});

test.each([
  [L, 5_000],
  [24_000, 4_000],
  [6_000, 2_000],
])(
  'a seat of %d ms: a server that owes an answer for %d ms is left for the next',
  async (lifetimeMs, boundMs) => {
    // It stands still unless moved, so that nothing else is due.
    let now = 0;
    const hangs: Handler = (message, send, peer) => {
      if (message[0] !== heartbeat) generous(lifetimeMs)(message, send, peer);
    };
    const pool = await poolOf({ A: hangs, B: generous(lifetimeMs), C: generous(lifetimeMs) });
    const [a, b] = [pool.named('A'), pool.named('B')];
    const client = clientOf(a, { ...pool.options, clock: () => now });
    const seat = await client.request({ application: 'App' });
    now += lifetimeMs / 3;
    await until(() => a.ofType(heartbeat).length === 1, 'A was asked');
    now += boundMs;
    await until(() => a.open === 0, 'A was left');
    now += 250;
    await until(() => b.ofType(heartbeat).length === 1, 'B was asked');
    // It would take the connection and be silent: it is not dialled again before the others.
    expect([a.dialled, seat.valid]).toEqual([1, true]);
  },
);

test.each([0, 0.5, 0.99])(
  'a lost server is dialled anew within 250 ms, spread: %d',
  async (random) => {
    const { named, options } = await poolOf({ A: generous(L), B: generous(L) });
    const a = named('A');
    const delays: number[] = [];
    class Watched extends Scheduler {
      override after(delayMs: number, run: () => void) {
        delays.push(delayMs);
        return super.after(delayMs, run);
      }
    }
    const [trust] = resolveTrust({ ...a.trust, ...options }, {});
    if (trust === undefined) throw new Error('no pool');
    const link = new PoolLink({
      trust,
      verifier: new Verifier(trust, null, new Memory({ HOME: '' })),
      introduction: { agent: 'test', instance: new Uint8Array(16), holder: ['anna', 'host', 1] },
      scheduler: new Watched(() => performance.now(), 20),
      random: () => random,
    });
    const connection = await link.connect();
    await sendHeartbeat(connection, {
      ...{ key: new Uint8Array(16), ticket: TICKET, lifetimeMs: L, fence: null },
    });
    link.subscribe(() => undefined);
    delays.length = 0;
    await a.stop();
    await until(() => link.current?.server === 'B', 'it is connected to B');
    expect(delays[0]).toBe(random * 250);
    link.close();
  },
);
