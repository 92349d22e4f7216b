/**
 * Every field of every message given every wrong type (issue 2, "Hostile input"). Whatever comes,
 * there are two outcomes: an answer, or an error by name and the end of the connection.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import fc from 'fast-check';
import { encodeFrame } from '../../src/net/frames.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { until } from '../client/until.ts';
import { hello, type Message, NO_TICKET, newKey, RawClient, wish } from './raw-client.ts';
import type { Server } from './server.ts';
import { Site } from './site.ts';

const { request, heartbeat, release, status, rlfGet, prove, error, rlf } = MessageType;

const site = new Site();
let server: Server;

beforeAll(async () => {
  await site.found([{ application: 'App', limit: 1_000 }]);
  server = await site.serve();
});
afterAll(async () => {
  expect(server.ended).toBe(false);
  expect(server.stderr).not.toContain('"stack"');
  await site.close();
});

/** Texts, numbers and bytes that are none, too large, or look like something else. */
const WRONG: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    '',
    'x',
    'x'.repeat(70),
    'x'.repeat(3_000),
    '\u0000\u001b[2J',
    '__proto__',
  ],
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 32, 2 ** 53, 1e300],
  ...[new Uint8Array(0), new Uint8Array(15), new Uint8Array(17), new Uint8Array(3_000)],
  ...[[], [[]], ['u', 'h', 1], {}, { length: 16 }, { constructor: null }, { '': {} }],
];

const GOOD: readonly [name: string, message: () => Message][] = [
  ['hello', () => hello({ pool: 'east' })],
  ['request', () => [request, 5, ...wish(newKey(), 'App', 1, 1_000)]],
  ['heartbeat', () => [heartbeat, 5, newKey(), new Uint8Array(16)]],
  ['release', () => [release, 5, newKey(), NO_TICKET]],
  ['status', () => [status, 5, 'App', 'anna', 'desk', null]],
  ['RLF get', () => [rlfGet, 5]],
  ['prove', () => [prove, 5, newKey(), new Uint8Array(32)]],
];

/** What becomes of a message: answered along with a good one behind it, or refused by name. */
async function outcome(message: Message, first: boolean): Promise<'answered' | 'refused'> {
  const client = first ? await RawClient.connect(site.port) : await RawClient.greet(site.port);
  try {
    client.sendBytes(Buffer.concat([encodeFrame(message), encodeFrame([rlfGet, 4_242])]));
    const answered = () => client.received.some(([type, n]) => type === rlf && n === 4_242);
    await until(() => answered() || client.closed, 'it is answered or refused', 30_000);
    if (answered()) return 'answered';
    const [last] = client.received.slice(-1);
    expect(last?.slice(0, 2)).toEqual([error, 0]);
    expect(last?.[2]).toBeOneOf(['protocol', 'untrusted', 'not-authorized']);
    return 'refused';
  } finally {
    client.close();
  }
}

test.each(GOOD)('%s: every field, and each left out', async (name, message) => {
  expect(await outcome(message(), name === 'hello')).toBe('answered');
  const { length } = message();
  const broken: Message[] = [];
  for (let field = 0; field < length; field++) {
    for (const wrong of WRONG) broken.push(message().with(field, wrong));
    broken.push(message().slice(0, field), message().toSpliced(field, 1));
  }
  const outcomes = { answered: 0, refused: 0 };
  // Some at a time, so that each takes part in one batch of the server.
  while (broken.length > 0) {
    const batch = broken.splice(0, 12).map((one) => outcome(one, name === 'hello'));
    for (const result of await Promise.all(batch)) outcomes[result]++;
  }
  expect(outcomes.refused).toBeGreaterThan(outcomes.answered / 2);
});

test('any values in any number', async () => {
  const value = fc.oneof(
    fc.constantFrom(...WRONG),
    fc.string({ unit: 'binary', size: 'large' }),
    fc.uint8Array({ size: 'medium' }),
    fc.integer(),
    fc.double(),
    fc.array(fc.integer(), { size: 'medium' }),
    fc.dictionary(fc.string(), fc.constant(1)),
  );
  const types = [...Object.values(MessageType), 0, 2 ** 31];
  const shape = fc.tuple(fc.constantFrom(...types), fc.array(value, { maxLength: 10 }));
  await fc.assert(
    fc.asyncProperty(shape, fc.boolean(), async ([type, fields], first) => {
      await outcome([type, ...fields], first);
    }),
    { numRuns: process.env['LM_SOAK'] === '1' ? 5_000 : 120 },
  );
}, 600_000);
