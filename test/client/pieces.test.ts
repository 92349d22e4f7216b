/** The small parts, each by itself. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { LmError } from '../../src/engine/errors.ts';
import { bootClock, steadiestClock } from '../../src/net/client/boot-clock.ts';
import { linkedSignal } from '../../src/net/client/linked-signal.ts';
import { readServerMessage } from '../../src/net/client/replies.ts';
import { wishOf } from '../../src/net/client/request-options.ts';
import { Scheduler } from '../../src/net/client/scheduler.ts';
import { readSeatText, seatText } from '../../src/net/client/seat-text.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { failureOf as thrownBy } from '../license/samples.ts';
import { until } from './until.ts';

const SEAT = {
  key: new Uint8Array(16).fill(1),
  ticket: new Uint8Array(16).fill(2),
  instance: new Uint8Array(16).fill(3),
  ...{ vendor: 'Acme', application: 'Zeichnen ✏️', version: '1.0', count: 7 },
  ...{ pool: 'east', server: 'A' },
};

test('the text of a seat reads back as it was', () => {
  const text = seatText(SEAT);
  expect(text).toMatch(/^lmk1_[A-Za-z0-9_-]+$/);
  expect(readSeatText(` ${text}\n`)).toEqual(SEAT);
});

test('a text that is no seat is refused, and not repeated', () => {
  const text = seatText(SEAT);
  const damaged = [text.slice(0, -5), text.slice(1), `${text}AAAA`, 'lmk1_', 'lmk1_gA', ''];
  for (const one of [...damaged, `lmk1_${'A'.repeat(10_000)}`]) {
    const failure = thrownBy(() => readSeatText(one));
    expect(failure.code).toBe('bad-data');
    expect(failure.message).not.toContain('AAAA');
  }
});

test('random texts never read as seats, and never throw anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
      const text = `lmk1_${Buffer.from(bytes).toString('base64url')}`;
      expect(thrownBy(() => readSeatText(text)).code).toBe('bad-data');
    }),
  );
});

test('the boot-time clock goes on', async () => {
  const clock = bootClock();
  const start = clock();
  await until(() => clock() > start, 'it moved');
  expect(clock() - start).toBeLessThan(60_000);
});

test('without a boot-time clock the faster of two clocks counts, and none goes back', () => {
  let [monotonic, wall] = [100, 1_000_000];
  const clock = steadiestClock(
    () => monotonic,
    () => wall,
  );
  expect(clock()).toBe(0);
  // Asleep: only wall time goes on.
  wall += 60_000;
  expect(clock()).toBe(60_000);
  // The wall clock is set back.
  monotonic += 10;
  wall -= 500_000;
  expect(clock()).toBe(60_010);
});

test('tasks run when they are due, in spite of a cancelled neighbour', async () => {
  let now = 0;
  const scheduler = new Scheduler(() => now, 5);
  const ran: string[] = [];
  scheduler.keepAlive(true);
  const cancel = scheduler.at(10, () => ran.push('cancelled'));
  scheduler.at(20, () => ran.push('due'));
  scheduler.at(1_000, () => ran.push('later'));
  cancel();
  now = 30;
  await until(() => ran.length > 0, 'a task ran');
  expect(ran).toEqual(['due']);
  expect(scheduler.size).toBe(1);
});

test('a sleep ends by its signal and leaves nothing behind', async () => {
  const scheduler = new Scheduler(() => 0, 5);
  const abort = new AbortController();
  const slept = scheduler.sleep(1_000, abort.signal).catch((reason: unknown) => reason);
  abort.abort('enough');
  expect(await slept).toBe('enough');
  expect(scheduler.size).toBe(0);
});

test('a linked signal follows its sources until it is let go of', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const followed = linkedSignal(first.signal, undefined, second.signal);
  const freed = linkedSignal(first.signal);
  freed.unlink();
  first.abort('stop');
  expect([followed.signal.reason, freed.signal.aborted]).toEqual(['stop', false]);
  expect(linkedSignal(first.signal).signal.aborted).toBe(true);
});

test('the text of a seat tells until when it runs, where it was asked for', () => {
  const runs = { machine: 'this', until: 1_234.5 };
  expect(readSeatText(seatText({ ...SEAT, runs })).runs).toEqual(runs);
  expect(readSeatText(seatText(SEAT)).runs).toBeUndefined();
});

test('messages of unknown types are passed over, malformed ones refused', () => {
  expect(readServerMessage([99, 1, 'x'])).toBeNull();
});

test.each([
  [[MessageType.released, 4, true, 1]],
  [[MessageType.fenced, 4, 7, 'A']],
  [[MessageType.done, 4, {}]],
])('%j is read; with any field of another kind it is refused', (good) => {
  expect(readServerMessage([...good, 'a field of a later version'])).not.toBeNull();
  for (let at = 0; at < good.length; at++) {
    const bad: unknown[] = [...good];
    bad[at] = at < 2 ? -1 : null;
    expect(thrownBy(() => readServerMessage(bad)).code).toBe('protocol');
  }
});

test('any array is read, passed over or refused as a protocol error', () => {
  const types = fc.constantFrom(...Object.values(MessageType));
  fc.assert(
    fc.property(types, fc.array(fc.anything(), { maxLength: 14, size: 'max' }), (type, rest) => {
      try {
        readServerMessage([type, ...rest]);
      } catch (error) {
        expect(error).toBeInstanceOf(LmError);
      }
    }),
    { numRuns: 500 },
  );
});

test.each([
  { application: '' },
  { application: 'a\u202eb' },
  { application: 'App', version: 'v1' },
  { application: 'App', vendor: 'A/B' },
  { application: 'App', count: 0 },
  { application: 'App', count: 1.5 },
  { application: 'App', waitMs: -1 },
  { application: 'App', holdMs: 25 * 3_600_000 },
])('a request of %j is refused before anything is sent', (options) => {
  expect(thrownBy(() => wishOf(options)).code).toBe('usage');
});
