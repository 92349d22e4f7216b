/** DESIGN section 6: a clock set back revives no license, one that jumps ahead ends none. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ClockGuard } from '../../src/engine/clock-guard.ts';
import { CLOCK_DRIFT_MAX, CLOCK_SLEW_MS_MAX } from '../../src/engine/limits.ts';

const START = 1_768_000_000_000;
const DAY = 24 * 3_600_000;

/** Time passes on the boot-time clock while the wall clock goes wherever it likes. */
const reading = fc.record({
  elapsed: fc.oneof(
    fc.nat(5_000),
    fc.nat(10 * 60_000),
    fc.double({ min: 0, max: DAY, noNaN: true }),
  ),
  wallJump: fc.oneof(
    { arbitrary: fc.constant(0), weight: 3 },
    fc.integer({ min: -400 * DAY, max: 400 * DAY }),
    fc.integer({ min: -2_000, max: 2_000 }),
  ),
});
const readings = fc.array(reading, { maxLength: 60, size: 'max' });

describe('guarded wall time', () => {
  test('never falls, and moves with the boot-time clock but for a bounded slew', () => {
    fc.assert(
      fc.property(readings, (steps) => {
        let [boot, wall] = [5_000, START];
        const guard = new ClockGuard(0, { boot, wall });
        let last = guard.read({ boot, wall });
        for (const { elapsed, wallJump } of steps) {
          boot += elapsed;
          wall += elapsed + wallJump;
          const now = guard.read({ boot, wall });
          expect(Number.isInteger(now)).toBe(true);
          const slew = CLOCK_SLEW_MS_MAX * Math.min(1, elapsed / 60_000);
          // A millisecond for each of the two readings, which are rounded down.
          expect(now - last).toBeGreaterThanOrEqual(
            Math.max(0, elapsed * (1 - CLOCK_DRIFT_MAX) - 1),
          );
          expect(now - last).toBeLessThanOrEqual(elapsed * (1 + CLOCK_DRIFT_MAX) + slew + 1);
          last = now;
        }
      }),
    );
  });

  test('is the wall clock itself while that one goes as the boot-time clock does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(DAY)),
        fc.double({ min: -0.99, max: 0.99, noNaN: true }),
        (steps, part) => {
          let [boot, wall] = [0, START];
          const guard = new ClockGuard(START - DAY, { boot, wall });
          for (const elapsed of steps) {
            boot += elapsed;
            wall += elapsed * (1 + part * CLOCK_DRIFT_MAX);
            expect(Math.abs(guard.read({ boot, wall }) - wall)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  test('comes back to a clock that was set right, in time', () => {
    let [boot, wall] = [0, START];
    const guard = new ClockGuard(0, { boot, wall });
    wall += 10 * 60_000;
    let minutes = 0;
    for (; guard.read({ boot, wall }) < wall - 1; minutes++) {
      boot += 60_000;
      wall += 60_000;
      expect(minutes).toBeLessThan(10 * 60);
    }
    // Ten minutes at a second and 1 % in each minute.
    expect(minutes).toBeGreaterThan(300);
    expect(guard.read({ boot, wall })).toBeLessThanOrEqual(wall);
  });

  test('reading it often gains nothing over reading it now and then', () => {
    const ahead = START + 400 * DAY;
    const often = new ClockGuard(0, { boot: 0, wall: START });
    const seldom = new ClockGuard(0, { boot: 0, wall: START });
    for (let boot = 0; boot <= 60_000; boot += 10) often.read({ boot, wall: ahead });
    const gained = often.read({ boot: 60_000, wall: ahead });
    expect(Math.abs(gained - seldom.read({ boot: 60_000, wall: ahead }))).toBeLessThanOrEqual(1);
  });
});

test('a mark that others entered is where it goes on from; an older one is nothing', () => {
  const guard = new ClockGuard(0, { boot: 0, wall: START });
  const later = { boot: 30_000, wall: START };
  guard.passed(START + DAY, later);
  guard.passed(START + 1, later);
  expect(guard.read(later)).toBe(START + DAY);
  expect(guard.read({ boot: 31_000, wall: START })).toBe(START + DAY + 990);
});

describe('at a start', () => {
  test('the wall clock is taken, but never from before the mark', () => {
    expect(new ClockGuard(0, { boot: 9, wall: START }).read({ boot: 9, wall: START })).toBe(START);
    const back = { boot: 9, wall: START - 30 * DAY };
    expect(new ClockGuard(START, back).read(back)).toBe(START);
    const ahead = { boot: 9, wall: START + 30 * DAY };
    expect(new ClockGuard(START, ahead).read(ahead)).toBe(START + 30 * DAY);
  });

  test('a boot-time clock that seems to run backwards is taken to stand still', () => {
    const guard = new ClockGuard(0, { boot: 60_000, wall: START });
    expect(guard.read({ boot: 1, wall: START + DAY })).toBe(START);
    expect(guard.read({ boot: 60_000, wall: START })).toBe(START);
  });
});
