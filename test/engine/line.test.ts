/** DESIGN section 8: the line of a license, first come, first served. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { LINE_LENGTH_MAX, WAITER_GRACE_MS } from '../../src/engine/limits.ts';
import { Line, type Waiter, waiterDeadline } from '../../src/engine/line.ts';

let made = 0;
function waiter(fields: Partial<Waiter> = {}): Waiter {
  const number = ++made;
  const who = { instance: '', user: '', host: '', pid: 0, address: '' };
  const place = {
    since: 0,
    holdMs: 0,
    commute: null,
    patienceEnd: 1_000_000,
    goneSince: null,
    told: 0,
  };
  const asked = { id: String(number), count: 1, sequence: number, client: { number, ...who } };
  const patienceEnd = fields.patienceEnd ?? place.patienceEnd;
  return { ...place, ...asked, graceEnd: patienceEnd, ...fields };
}

describe('a line', () => {
  test('keeps the order of joining, whoever leaves', () => {
    const steps = fc.array(fc.oneof(fc.constant('join' as const), fc.nat(20)), { maxLength: 80 });
    fc.assert(
      fc.property(steps, (all) => {
        const line = new Line();
        let model: Waiter[] = [];
        for (const step of all) {
          if (step === 'join') {
            const next = waiter({ count: 1 + (model.length % 3) });
            line.join(next);
            model.push(next);
          } else {
            const leaver = model[step % Math.max(1, model.length)];
            if (leaver !== undefined) line.leave(leaver);
            model = model.filter((other) => other !== leaver);
          }
          expect([...line]).toEqual(model);
          expect(line.length).toBe(model.length);
          expect(line.seatsWanted).toBe(model.reduce((sum, { count }) => sum + count, 0));
          model.forEach((one, at) => {
            expect(line.positionOf(one)).toBe(at + 1);
          });
        }
      }),
    );
  });

  test('is served from the first that can be answered', () => {
    const line = new Line();
    const [first, second, third] = [waiter(), waiter(), waiter()];
    expect(line.head).toBeNull();
    for (const one of [first, second, third]) line.join(one);
    expect(line.head).toBe(first);
    first.goneSince = 5;
    expect(line.head).toBe(second);
    expect(line.positionOf(second)).toBe(2);
    second.goneSince = 6;
    third.goneSince = 7;
    expect(line.head).toBeNull();
    first.goneSince = null;
    expect(line.head).toBe(first);
  });

  test('has a bound', () => {
    const line = new Line();
    for (let n = 0; n < LINE_LENGTH_MAX; n++) {
      expect(line.full).toBe(false);
      line.join(waiter());
    }
    expect(line.full).toBe(true);
  });

  test('who left twice, or never came, leaves the others alone', () => {
    const line = new Line();
    const [one, other] = [waiter(), waiter()];
    line.join(one);
    line.leave(other);
    line.leave(one);
    line.leave(one);
    expect(line.length).toBe(0);
  });
});

test('a place lasts as long as the patience, or the grace of one whose connection is gone', () => {
  const one = waiter({ patienceEnd: 50_000 });
  expect(waiterDeadline(one)).toBe(50_000);
  one.goneSince = 20_000;
  expect(waiterDeadline(one)).toBe(20_000 + WAITER_GRACE_MS);
  one.goneSince = 49_000;
  expect(waiterDeadline(one)).toBe(50_000);
});
