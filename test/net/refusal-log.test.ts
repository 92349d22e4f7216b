/** Strangers that knock all day do not fill the log. */
import { expect, test } from 'bun:test';
import { REFUSAL_LOG_MS, REFUSALS_LOGGED_MAX } from '../../src/engine/limits.ts';
import { RefusalLog } from '../../src/net/refusal-log.ts';

function refusals() {
  const clock = { now: 0 };
  return { clock, log: new RefusalLog(() => clock.now) };
}

test('the same one is due once in a while, with how often it came in between', () => {
  const { clock, log } = refusals();
  expect(log.due('a')).toBe(0);
  for (let times = 0; times < 50; times++) expect(log.due('a')).toBeNull();
  expect(log.due('b')).toBe(0);
  clock.now = REFUSAL_LOG_MS - 1;
  expect(log.due('a')).toBeNull();
  clock.now = REFUSAL_LOG_MS;
  expect(log.due('a')).toBe(51);
  expect(log.due('a')).toBeNull();
  clock.now = 2 * REFUSAL_LOG_MS;
  expect(log.due('a')).toBe(1);
});

test('many different ones are bounded too, in every span of time', () => {
  const { clock, log } = refusals();
  const lines: number[] = [];
  for (let at = 0; at < 10_000; at++) {
    clock.now = at * (REFUSAL_LOG_MS / 1_000);
    if (log.due(`stranger ${at}`) !== null) lines.push(clock.now);
  }
  expect(lines.length).toBeGreaterThan(REFUSALS_LOGGED_MAX);
  for (const since of lines) {
    const within = lines.filter((at) => at >= since && at < since + REFUSAL_LOG_MS);
    expect(within.length).toBeLessThanOrEqual(REFUSALS_LOGGED_MAX);
  }
});
