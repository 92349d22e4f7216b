/** DESIGN section 8: what servers of a pool say of seats that lie elsewhere, and then it is so. */
import { describe, expect, test } from 'bun:test';
import { type ClientMessage, type CoreMessage, MessageType } from '../../src/engine/messages.ts';
import { ScenarioPool } from './pool.ts';

const L = 60_000;
const distribution = { A: 4, B: 3, C: 3 };

type Build = (sequence: number, key: Uint8Array) => ClientMessage;

/** A, B and C, where A leads; `ask` says what each server answers within two seconds. */
function poolOfThree() {
  const code = { limit: 10, distribution, keyLifetimeMs: L };
  const pool = new ScenarioPool(['A', 'B', 'C'], [code]);
  for (const server of pool.servers) server.start();
  pool.link();
  pool.advance(3_000);
  let clients = 0;
  const say = (at: string, build: Build, ms: number) => {
    const client = pool.client(`c${++clients}`);
    const message = build(client.sends(pool.now), client.key);
    pool.answers = [];
    pool.server(at).step({ type: 'message', client: client.at(at), message });
    pool.advance(ms);
    pool.check();
    return pool.answers[0]?.message;
  };
  const wish = (count: number) => [null, 'Application', null, count] as const;
  const probe = (at: string, count: number) => {
    const answer = say(at, (sequence) => [MessageType.probe, sequence, ...wish(count)], 0);
    if (answer?.[0] !== MessageType.verdict) throw new Error('no verdict came');
    const [, , verdict, message, , details] = answer;
    return { verdict, message, rule: details['rule'], details };
  };
  const request = (at: string, count: number, patienceMs = 0) => {
    const { request: type } = MessageType;
    const build: Build = (sequence, key) => {
      return [type, sequence, key, ...wish(count), patienceMs, 0];
    };
    return said(say(at, build, 2_000));
  };
  return { pool, probe, request };
}

function said(answer: CoreMessage | undefined): string {
  if (answer?.[0] === MessageType.grant) return 'granted';
  return answer?.[0] === MessageType.waiting ? 'waiting' : String(answer?.[2]);
}

describe('the leader', () => {
  test('knows who can lend, and a request is granted so', () => {
    const { probe, request } = poolOfThree();
    expect(request('B', 1)).toBe('granted');
    expect(probe('A', 6)).toMatchObject({
      ...{ verdict: 'granted', rule: 'seats' },
      message:
        '6 seats of Application 1.0 would be granted now: ' +
        'server A has 4 free and the free pool 0, server C can lend of 3.',
      details: { source: 'borrow', lenders: [{ server: 'C', available: 3, opened: false }] },
    });
    expect(probe('A', 9).details['lenders']).toMatchObject([{ server: 'C' }, { server: 'B' }]);
    expect(request('A', 6)).toBe('granted');
  });

  test('knows when all of them together have too few', () => {
    const { probe, request } = poolOfThree();
    expect(request('B', 2)).toBe('granted');
    expect(probe('A', 9)).toMatchObject({
      ...{ verdict: 'all-in-use', rule: 'seats' },
      message: '9 seats of Application 1.0 were asked for and 8 are free.',
    });
    expect(request('A', 9)).toBe('all-in-use');
  });

  test('knows who waits at the others', () => {
    const { pool, probe, request } = poolOfThree();
    expect(request('A', 2)).toBe('granted');
    expect(request('B', 10, 600_000)).toBe('waiting');
    expect(request('C', 9, 600_000)).toBe('waiting');
    pool.advance(1_000);
    expect(probe('A', 1)).toMatchObject({
      ...{ verdict: 'all-in-use', rule: 'line' },
      message: 'The free seats of Application 1.0 go to those who wait already (2).',
      details: { waiting: 2, orMore: false, free: 8 },
    });
    expect(request('A', 1)).toBe('all-in-use');
  });
});

describe('a follower', () => {
  test('says what it has, and that the leader knows the rest', () => {
    const { probe } = poolOfThree();
    expect(probe('B', 3)).toMatchObject({ verdict: 'granted', details: { source: 'row' } });
    expect(probe('B', 4)).toMatchObject({
      ...{ verdict: 'all-in-use', rule: 'seats' },
      message:
        'Server B has 3 seats of Application 1.0 free and the free pool 0; ' +
        'what other servers could lend is known to the leader only.',
    });
  });

  test('knows that others wait, and what is free meanwhile', () => {
    const { pool, probe, request } = poolOfThree();
    expect(request('A', 2)).toBe('granted');
    expect(request('C', 10, 600_000)).toBe('waiting');
    pool.advance(1_000);
    expect(probe('B', 1)).toMatchObject({
      ...{ verdict: 'all-in-use', rule: 'line' },
      message: 'The free seats of Application 1.0 go to those who wait already (1 or more).',
      details: { waiting: 1, orMore: true, free: 8 },
    });
  });
});

describe('a server that is lost', () => {
  const lostIn = ({ details }: { details: Readonly<Record<string, unknown>> }) => details['lost'];

  test('is down, then fenced until a time that is told, then its seats can be lent', () => {
    const { pool, probe, request } = poolOfThree();
    expect(request('C', 1)).toBe('granted');
    pool.server('C').crash();
    pool.advance(2_500);
    const down = { server: 'C', state: 'down', allocated: 3, lendableAt: null };
    expect(lostIn(probe('A', 1))).toEqual([down]);
    pool.advance(2_500);
    const fenced = probe('A', 8);
    expect(fenced).toMatchObject({ verdict: 'all-in-use', details: { free: 7 } });
    const [lost] = lostIn(fenced) as { state: string; lendableAt: string }[];
    expect(lost).toMatchObject({ server: 'C', state: 'fenced' });
    const waitMs = Date.parse(lost?.lendableAt ?? '') - pool.server('A').time.wall;
    expect(waitMs).toBeGreaterThan(L - 2_500);
    pool.advance(waitMs - 200);
    expect(lostIn(probe('A', 8))).toMatchObject([{ state: 'fenced' }]);
    pool.advance(1_000);
    expect(probe('A', 8)).toMatchObject({
      verdict: 'granted',
      details: {
        lost: [{ server: 'C', state: 'opened', lendableAt: null }],
        lenders: expect.arrayContaining([{ server: 'C', available: 3, opened: true }]),
      },
    });
    expect(request('A', 8)).toBe('granted');
  });

  test('lends as any other once it returned', () => {
    const { pool, probe, request } = poolOfThree();
    pool.server('C').crash();
    pool.advance(L + 10_000);
    expect(lostIn(probe('A', 8))).toMatchObject([{ state: 'opened' }]);
    pool.server('C').start();
    pool.link();
    pool.advance(5_000);
    const back = probe('A', 8);
    expect(lostIn(back)).toEqual([]);
    expect(back.details['lenders']).toMatchObject([
      { server: 'B', opened: false },
      { server: 'C', opened: false },
    ]);
    expect(request('A', 8)).toBe('granted');
  });

  test('and without a majority the numbers of the license are told all the same', () => {
    const { pool, probe, request } = poolOfThree();
    pool.server('B').crash();
    pool.server('C').crash();
    pool.advance(5_000);
    expect(probe('A', 2)).toMatchObject({
      ...{ verdict: 'no-majority', rule: 'majority' },
      details: { majority: { needed: 2, up: ['A'] }, hardLimit: 10, available: 4, requested: 2 },
    });
    expect(lostIn(probe('A', 1))).toMatchObject([
      { server: 'B', state: 'down', allocated: 3 },
      { server: 'C', state: 'down', allocated: 3 },
    ]);
    expect(request('A', 2)).toBe('no-majority');
  });
});
