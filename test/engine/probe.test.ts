/** FIG. 6, asked without asking for seats: each verdict, its rule and numbers; nothing changes. */
import { describe, expect, test } from 'bun:test';
import { LINE_LENGTH_MAX } from '../../src/engine/limits.ts';
import { MessageType, type Verdict } from '../../src/engine/messages.ts';
import { makeRlf, type SampleCode } from './sample-rlf.ts';
import { type RequestOptions, Server, START } from './server.ts';

const DAY = 24 * 3_600_000;
const patienceMs = DAY;

const poolOf = (...codes: SampleCode[]) => new Server(makeRlf({ codes }));

/** All that a request could change: seats, lines, the ledger, what is due. */
function pictureOf(server: Server) {
  const { core } = server;
  const query = [MessageType.status, 8, null, null, null, null] as const;
  const [page] = server.ask(server.client(), [...query]);
  return { page, applied: core.applied, keys: core.keyCount, nextTick: core.nextTick };
}

/** The verdict; fails where anything was written for it, or another message came. */
function probe(server: Server, options: RequestOptions = {}): Verdict {
  const { vendor = null, application = 'Application', version = null, count = 1 } = options;
  const wish = [vendor, application, version, count] as const;
  const message = [MessageType.probe, 7, ...wish, options.commute?.[0] ?? null] as const;
  const before = pictureOf(server);
  const time = { boot: server.boot, wall: server.wall };
  server.core.step({ type: 'message', client: server.client(), message: [...message] }, time);
  const { writes, replies, sends } = server.core.takeEffects();
  expect([writes, sends]).toEqual([[], []]);
  expect(pictureOf(server)).toEqual(before);
  const [reply] = replies;
  expect(replies).toHaveLength(1);
  if (reply?.message[0] !== MessageType.verdict) throw new Error('no verdict came');
  expect(reply.message[1]).toBe(7);
  return reply.message;
}

let requests = 0;

/** What a request would be told: its code, out of a denial or a grant. */
function asked(server: Server, options: RequestOptions = {}): string {
  const [answer] = server.ask(server.client(), server.request(1e6 + ++requests, options));
  return answer?.[0] === MessageType.grant ? 'granted' : String(answer?.[2]);
}

/** The verdict's code and rule; a request must then be told the same. */
function judged(server: Server, options: RequestOptions = {}) {
  const [, , code, message, hint, details] = probe(server, options);
  expect(asked(server, options)).toBe(code);
  return { code, message, hint, rule: details['rule'], details };
}

test("granted out of this server's row", () => {
  const server = poolOf({ limit: 3 });
  server.ask(server.client(), server.request(1));
  expect(judged(server, { count: 2 })).toMatchObject({
    ...{ code: 'granted', rule: 'seats' },
    message: '2 seats of Application 1.0 would be granted now: server A has 2 free.',
    details: { server: 'A', source: 'row', requested: 2, inUse: 1, available: 2, lost: [] },
  });
});

test('granted out of the free pool', () => {
  const server = poolOf({ limit: 9, distribution: { A: 1 } });
  expect(judged(server, { count: 5 })).toMatchObject({
    ...{ code: 'granted', rule: 'seats' },
    message:
      '5 seats of Application 1.0 would be granted now: ' +
      'server A has 1 free and the free pool 8.',
    details: { source: 'free-pool', freePool: 8 },
  });
});

test('all in use: by the seats that are free', () => {
  const server = poolOf({ limit: 3 });
  server.ask(server.client(), server.request(1, { count: 2 }));
  expect(judged(server, { count: 2 })).toMatchObject({
    ...{ code: 'all-in-use', rule: 'seats' },
    message: '2 seats of Application 1.0 were asked for and 1 are free.',
    details: { hardLimit: 3, free: 1, waiting: 0, orMore: false },
  });
  server.ask(server.client(), server.request(2));
  expect(judged(server).message).toBe('All 3 seats of Application 1.0 are in use.');
});

describe('somebody waits in the line', () => {
  test('free seats go to who came first', () => {
    const server = poolOf({ limit: 3 });
    server.ask(server.client(), server.request(1, { count: 2 }));
    server.ask(server.client(), server.request(2, { count: 3, patienceMs }));
    expect(judged(server)).toMatchObject({
      ...{ code: 'all-in-use', rule: 'line' },
      message: 'The free seats of Application 1.0 go to those who wait already (1).',
      details: { waiting: 1, free: 1 },
    });
    expect(server.license()).toMatchObject({ waiting: 1, inUse: 2 });
  });

  test('but not to one whose connection is gone', () => {
    const server = poolOf({ limit: 3 });
    server.ask(server.client(), server.request(1, { count: 2 }));
    const client = server.client();
    server.ask(client, server.request(2, { count: 3, patienceMs }));
    server.step({ type: 'closed', client });
    expect(judged(server)).toMatchObject({ code: 'granted', details: { source: 'row' } });
  });

  test('a line that is full', () => {
    const server = poolOf({ limit: 1 });
    const client = server.client();
    server.ask(client, server.request(1));
    const waiters = Array.from({ length: LINE_LENGTH_MAX }, (_, at) => {
      const message = server.request(at + 2_000, { patienceMs });
      return { type: 'message', client, message } as const;
    });
    server.step(...waiters);
    expect(judged(server)).toMatchObject({ code: 'busy', rule: 'line' });
  });
});

test('a limit that was lowered: so many more are in use', () => {
  const server = poolOf({ limit: 10 });
  server.ask(server.client(), server.request(1, { count: 8 }));
  server.step({ type: 'offered', rlf: makeRlf({ sequence: 2, codes: [{ limit: 5 }] }) });
  expect(judged(server)).toMatchObject({
    ...{ code: 'all-in-use', rule: 'deficit' },
    message: 'The limit of Application 1.0 was lowered to 5, and 3 more are still in use.',
    details: { deficit: 3, hardLimit: 5 },
  });
});

test('what no license covers, and more than the limit', () => {
  const server = poolOf({ limit: 3 });
  const unknown = judged(server, { application: 'Other' });
  expect(unknown).toMatchObject({ code: 'unknown-application', rule: 'license' });
  expect(unknown.details['lost']).toBeUndefined();
  const version = judged(server, { version: '1.1' });
  expect(version).toMatchObject({ code: 'version-not-licensed', rule: 'license' });
  expect(judged(server, { count: 4 })).toMatchObject({ code: 'exceeds-limit', rule: 'limit' });
});

test('dates: a license that is over, and one that is still to begin', () => {
  const over = poolOf({ expires: START - DAY });
  expect(judged(over)).toMatchObject({
    ...{ code: 'expired', rule: 'dates' },
    details: { expired: new Date(START - DAY).toISOString() },
  });
  const coming = poolOf({ notBefore: START + DAY });
  expect(judged(coming)).toMatchObject({ code: 'not-yet-valid', rule: 'dates' });
});

describe('seats that leave the network, and those that are away', () => {
  const MACHINE = 'm'.repeat(43);
  const leaving = (days: number, count = 1): RequestOptions => {
    return { count, commute: [days, MACHINE] };
  };
  const policy = { limit: 4, commuterDays: 7, commuterShare: 0.5 };

  test('a check-out is granted, up to the share of the license', () => {
    const server = poolOf(policy);
    expect(judged(server, leaving(7))).toMatchObject({
      ...{ code: 'granted', rule: 'seats', hint: 'Check it out with lm commute out.' },
      message: '1 seat of Application 1.0 would be checked out now: server A has 4 free.',
      details: { days: 7, commuting: { commuted: 0, seatsMax: 2, daysMax: 7 } },
    });
    expect(judged(server, { ...leaving(1, 2) })).toMatchObject({
      ...{ code: 'denied-by-policy', rule: 'policy' },
      message:
        'Of Application 1.0 at most 2 seats may be commuted at once; ' +
        '1 are, and 2 more were asked for.',
      details: { days: 1, commuted: 1, commuterSeatsMax: 2, application: 'Application' },
    });
    // Whoever stays may have those that are left, all the same.
    expect(judged(server, { count: 3 })).toMatchObject({ code: 'granted', rule: 'seats' });
  });

  test('not for longer than the license lets them, nor where it lets none', () => {
    expect(judged(poolOf(policy), leaving(8))).toMatchObject({
      ...{ code: 'denied-by-policy', rule: 'policy', details: { days: 8, commuterDays: 7 } },
      message:
        'Seats of Application 1.0 may be commuted for 7 days at most; 8 days were asked for.',
    });
    const none = poolOf({ limit: 4 });
    expect(judged(none, leaving(1))).toMatchObject({ code: 'denied-by-policy', rule: 'policy' });
    const { details } = judged(none);
    expect(details['commuting']).toEqual({ commuted: 0, seatsMax: 0, daysMax: 0 });
    expect(details['days']).toBeUndefined();
  });

  test('those that are away are why the others are too few', () => {
    const server = poolOf({ ...policy, commuterShare: 1 });
    server.ask(server.client(), server.request(1, leaving(3, 3)));
    expect(judged(server, { count: 2 })).toMatchObject({
      ...{ code: 'all-in-use', rule: 'seats' },
      message:
        '2 seats of Application 1.0 were asked for and 1 are free; ' +
        '3 of its 4 are held or commuted.',
      details: { commuting: { commuted: 3, seatsMax: 4, daysMax: 7 } },
    });
    server.ask(server.client(), server.request(2));
    expect(judged(server, leaving(1))).toMatchObject({
      ...{ code: 'all-in-use', rule: 'seats', details: { days: 1 } },
      message: 'All 4 seats of Application 1.0 are in use, 3 of them held or commuted.',
    });
  });
});

test('no majority: a server of three that is alone since it started', () => {
  const rlf = makeRlf({ servers: ['A', 'B', 'C'], codes: [{ limit: 9 }] });
  expect(judged(new Server(rlf))).toMatchObject({
    ...{ code: 'no-majority', rule: 'majority' },
    details: { majority: { needed: 2, servers: 3, up: ['A'] } },
  });
});
