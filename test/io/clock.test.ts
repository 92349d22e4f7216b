import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { bootClock, wallClock } from '../../src/engine/io/clock.ts';
import { randomBytes } from '../../src/engine/io/random.ts';

test('the boot clock is the age of the machine, in milliseconds', () => {
  const now = bootClock();
  const before = now();
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1_000;
  const after = now();
  // /proc/uptime has hundredths of a second, rounded down.
  expect(uptimeMs).toBeGreaterThanOrEqual(before - 10);
  expect(uptimeMs).toBeLessThanOrEqual(after);
});

test('the boot clock never goes back, is finer than a millisecond, and one for all', () => {
  const [first, second] = [bootClock(), bootClock()];
  let last = first();
  let steps = 0;
  for (let index = 0; index < 20_000; index += 1) {
    const now = index % 2 === 0 ? first() : second();
    expect(now >= last).toBe(true);
    if (now > last && now - last < 1) steps += 1;
    last = now;
  }
  expect(steps).toBeGreaterThan(1_000);
});

test('the wall clock is the time of day', () => {
  const before = Date.now();
  const now = wallClock();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

test('random bytes are as many as asked for, and no two alike', () => {
  const made = Array.from({ length: 1_000 }, () => randomBytes(16));
  expect(made.every((bytes) => bytes.length === 16)).toBe(true);
  expect(new Set(made.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(1_000);
  // Of 16,000 bytes each value is expected 62.5 times.
  expect(new Set(made.flatMap((bytes) => [...bytes])).size).toBe(256);
  expect(randomBytes(0)).toHaveLength(0);
});
