/** DESIGN section 8: first come, first served over all servers, whatever their clocks say. */
import { describe, expect, test } from 'bun:test';
import { CLOCK_DRIFT_MAX } from '../../src/engine/limits.ts';
import { PoolClock } from '../../src/engine/pool/pool-clock.ts';

describe('pool time', () => {
  test('is that of the leader, whatever the own clock says', () => {
    const [leader, follower] = [new PoolClock(), new PoolClock()];
    leader.begin(4);
    expect(follower.follow(leader.stamp(1_000), 77_000)).toBe(-76_000);
    expect(follower.read(77_500)).toBe(1_500);
    expect(follower.stamp(77_500)).toEqual({ origin: 4, now: 1_500 });
  });

  test('does not go wrong with an own clock that does', () => {
    const [leader, follower] = [new PoolClock(), new PoolClock()];
    leader.begin(1);
    for (let at = 0; at <= 100_000; at += 500) follower.follow(leader.stamp(at), at * 1.01);
    expect(Math.abs(follower.read(101_000) - 100_000)).toBeLessThan(10);
  });

  test('is not set back by a word that came late', () => {
    const [leader, follower] = [new PoolClock(), new PoolClock()];
    leader.begin(1);
    follower.follow(leader.stamp(1_000), 1_000);
    follower.follow(leader.stamp(1_500), 3_500);
    expect(follower.read(3_500)).toBeGreaterThan(3_500 - 2 * CLOCK_DRIFT_MAX * 2_500 - 1);
  });

  test('does not go back, whatever it is corrected by', () => {
    const [leader, follower] = [new PoolClock(), new PoolClock()];
    leader.begin(1);
    follower.follow(leader.stamp(1_000), 1_000);
    const before = follower.read(2_000);
    follower.follow(leader.stamp(1_900), 2_000);
    expect(follower.read(2_000)).toBe(before);
    expect(follower.read(2_005)).toBeGreaterThanOrEqual(before);
    expect(follower.read(2_100)).toBeLessThan(2_100);
  });

  test('goes on under the next leader, and is taken over from the others by one that had none', () => {
    const [first, second, third] = [new PoolClock(), new PoolClock(), new PoolClock()];
    first.begin(1);
    second.follow(first.stamp(500_000), 20);
    second.begin(2);
    expect(second.stamp(1_020)).toEqual({ origin: 1, now: 501_000 });
    expect(third.follow(second.stamp(1_020), 9)).toBe(500_991);
    third.begin(3);
    expect(third.origin).toBe(1);
  });

  test('of another origin shifts what was read before; a jump of the own clock does not', () => {
    const [first, second, follower] = [new PoolClock(), new PoolClock(), new PoolClock()];
    first.begin(1);
    second.begin(2);
    follower.follow(first.stamp(5_000), 100);
    const read = follower.read(100);
    const shiftMs = follower.follow(second.stamp(80), 200);
    expect(read + shiftMs).toBe(80 - 100);
    follower.forget();
    expect(follower.follow(second.stamp(1_080), 50_200)).toBe(0);
    expect(follower.read(50_200)).toBe(1_080);
  });

  test('of another origin is compared by its age', () => {
    const clock = new PoolClock();
    clock.begin(3);
    expect(clock.translate(700, { origin: 3, now: 900 }, 5_000)).toBe(700);
    expect(clock.translate(700, { origin: 2, now: 900 }, 5_000)).toBe(4_800);
    expect(clock.follow({ origin: 0, now: 1 }, 5_000)).toBe(0);
  });
});
