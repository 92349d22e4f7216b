import { describe, expect, test } from 'bun:test';
import { parseDate } from '../../src/commands/shared/date.ts';
import { parseDuration } from '../../src/commands/shared/duration.ts';
import { failureOf } from '../license/samples.ts';

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['8h', 28_800_000],
    ['30d', 2_592_000_000],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '5', 's', '-5s', '1.5h', '5 s', '5S', '1h30m', '1e3s', '99999999d', '5s\n'])(
    '%p is none',
    (text) => {
      expect(failureOf(() => parseDuration(text)).code).toBe('usage');
    },
  );
});

describe('dates', () => {
  test.each([
    ['2027-01-31', 'end', '2027-01-31T23:59:59.000Z'],
    ['2027-01-31', 'start', '2027-01-31T00:00:00.000Z'],
    ['2028-02-29', 'start', '2028-02-29T00:00:00.000Z'],
    ['2027-01-31T12:30Z', 'end', '2027-01-31T12:30:00.000Z'],
    ['2027-01-31T12:30:15.5+02:00', 'end', '2027-01-31T10:30:15.000Z'],
    ['2027-01-31T12:30:15-05:30', 'end', '2027-01-31T18:00:15.000Z'],
  ] as const)('%s (%s)', (text, edge, iso) => {
    expect(new Date(parseDate(text, edge)).toISOString()).toBe(iso);
  });

  test.each([
    '',
    '2027',
    '2027-1-31',
    '31.01.2027',
    '2027-02-29',
    '2027-13-01',
    '2027-00-10',
    '2027-01-31T12:30',
    '2027-01-31 12:30Z',
    '2027-01-31T25:00Z',
    '1969-12-31',
    '2027-01-31\n',
  ])('%p is none', (text) => {
    expect(failureOf(() => parseDate(text, 'end')).code).toBe('usage');
  });
});
