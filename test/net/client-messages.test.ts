/** What a client may send for a pool: acts, and claims that quote a fence (DESIGN section 7). */
import { describe, expect, test } from 'bun:test';
import { readClientMessage } from '../../src/net/client-messages.ts';

const key = new Uint8Array(16);
const wish = [10, 1, key, null, 'App', null, 1, 0, 0] as const;
const text = (length: number) => 'x'.repeat(length);

describe('is read:', () => {
  const sound: Readonly<Record<string, readonly unknown[]>> = {
    'a heartbeat': [20, 1, key, key],
    'a heartbeat without a fence': [20, 1, key, key, null],
    'a claim': [20, 1, key, key, Number.MAX_SAFE_INTEGER],
    'a probe': [14, 1, 'Acme', 'App', '1.0', 2],
    'a probe for anything': [14, 1, null, 'App', null, 1],
    'a probe for seats that leave': [14, 1, null, 'App', null, 1, 366],
    'a probe for seats that stay': [14, 1, null, 'App', null, 1, null],
    'a request for seats that leave': [...wish, null, [366, text(43)]],
    'a request for seats that stay': [...wish, null, null],
    'a check-in': [30, 1, key, key, 7],
    'a release': [30, 1, key, key],
    'an act': [60, 1, text(4_096), text(128)],
  };
  for (const [what, fields] of Object.entries(sound)) {
    test(what, () => expect(readClientMessage(fields)).toEqual(fields as never));
  }
});

describe('is refused:', () => {
  const broken: Readonly<Record<string, readonly unknown[]>> = {
    'a fence below 0': [20, 1, key, key, -1],
    'a fence that is no whole number': [20, 1, key, key, 1.5],
    'a fence past what numbers can count': [20, 1, key, key, 2 ** 53],
    'a fence that is a text': [20, 1, key, key, '1'],
    'a probe for no seat': [14, 1, null, 'App', null, 0],
    'a probe without a count': [14, 1, null, 'App', null],
    'a probe for a version that is none': [14, 1, null, 'App', 'x', 1],
    'a probe for no day': [14, 1, null, 'App', null, 1, 0],
    'a probe for too many days': [14, 1, null, 'App', null, 1, 367],
    'a probe for days that are a text': [14, 1, null, 'App', null, 1, '1'],
    'a commute of no day': [...wish, [0, text(43)]],
    'a commute of too many days': [...wish, [367, text(43)]],
    'a commute of half a day': [...wish, [0.5, text(43)]],
    'a commute of no machine': [...wish, [1]],
    'a commute of a short machine': [...wish, [1, text(42)]],
    'a commute that is a number': [...wish, 3],
    'a check-in at no index': [30, 1, key, key, -1],
    'a check-in at a text': [30, 1, key, key, '1'],
    'an act too long': [60, 1, text(4_097), text(128)],
    'a signature too long': [60, 1, text(4_096), text(129)],
    'an act without a signature': [60, 1, text(9)],
    'an act that is bytes': [60, 1, key, text(9)],
  };
  for (const [what, fields] of Object.entries(broken)) {
    test(what, () => expect(() => readClientMessage(fields)).toThrow('breaks the protocol'));
  }
});
