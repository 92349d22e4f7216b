import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { describeDifference } from '../../src/engine/license/difference.ts';
import {
  distributionOf,
  initialDistribution,
  licenseKey,
  licensesOf,
} from '../../src/engine/license/distribution.ts';
import { readDraft } from '../../src/engine/license/rlf.ts';
import { GRANT, type Sample, STRANGER, unsignedRlf } from './samples.ts';

const draft = (sample: Sample = {}) => readDraft(unsignedRlf(sample)).rlf;
const SERVERS = draft().servers;

function start(limit: number, distribution: Record<string, number> | null) {
  const given = distribution === null ? null : new Map(Object.entries(distribution));
  const license = { code: { ...GRANT, limit }, distribution: given };
  const { rows, freePool } = initialDistribution(license, SERVERS);
  return [...rows.values(), freePool];
}

describe('initial distribution (FIG. 4, DESIGN section 8)', () => {
  test('FIG. 4: A 40, B 30, C 30 of 100', () => {
    expect(start(100, { A: 40, B: 30, C: 30 })).toEqual([40, 30, 30, 0]);
  });

  test('FIG. 4 without a distribution: 33 each, one in the free pool', () => {
    expect(start(100, null)).toEqual([33, 33, 33, 1]);
  });

  test('what is not given stays in the free pool', () => {
    expect(start(100, { B: 30 })).toEqual([0, 30, 0, 70]);
    expect(start(100, {})).toEqual([0, 0, 0, 100]);
    expect(start(2, null)).toEqual([0, 0, 0, 2]);
  });

  test('no seat is made or lost', () => {
    const rows = fc.option(fc.record({ A: fc.nat(50), B: fc.nat(50), C: fc.nat(50) }));
    fc.assert(
      fc.property(fc.integer({ min: 150, max: 10_000_000 }), rows, (limit, given) => {
        expect(start(limit, given).reduce((a, b) => a + b)).toBe(limit);
      }),
    );
  });
});

describe('codes that add up', () => {
  const rlf = draft({
    licenses: [
      { grant: { version: '2.0' }, distribution: { A: 10 } },
      { grant: { version: '1.0', limit: 7 } },
      { grant: { version: '2', limit: 5 } },
      { grant: { application: 'Another' } },
    ],
  });

  test('are one license, sorted, versions by number', () => {
    const found = licensesOf(rlf).map(({ application, version, hardLimit, codes }) => {
      return [application, version, hardLimit, codes.length];
    });
    expect(found).toEqual([
      ['Another', '1.0', 100, 1],
      ['Application', '1.0', 7, 1],
      ['Application', '2.0', 105, 2],
    ]);
  });

  test('each starts out by its own distribution', () => {
    const [, , license] = licensesOf(rlf);
    if (license === undefined) throw new Error('three licenses');
    const { rows, freePool } = distributionOf(license, rlf.servers);
    expect([...rows.values(), freePool]).toEqual([11, 1, 1, 92]);
  });

  test('versions that compare equal have one key, other fields do not run into each other', () => {
    expect(licenseKey({ ...GRANT, version: '1' })).toBe(licenseKey({ ...GRANT, version: '1.0' }));
    const keys = [
      licenseKey({ vendor: 'a', application: 'b c', version: '1' }),
      licenseKey({ vendor: 'a', application: 'b', version: '1' }),
      licenseKey({ vendor: 'a b', application: 'c', version: '1' }),
    ];
    expect(new Set(keys).size).toBe(3);
  });
});

describe('the difference between two RLFs', () => {
  const words = (before: Sample, after: Sample) =>
    describeDifference(draft(before), draft(after)).map((change) => change.words);

  test('nothing', () => {
    expect(words({}, {})).toEqual([]);
  });

  test('servers', () => {
    const changes = words({ servers: ['A', 'B'] }, { servers: ['B', 'C', 'D'] });
    expect(changes[0]).toBe('priority: A, B becomes B, C, D');
    expect(changes[1]).toStartWith('server A removed: 127.0.0.1:5930');
    expect(changes[2]).toStartWith('server B: 127.0.0.1:5931');
    expect(changes[3]).toStartWith('server C added: 127.0.0.1:5931');
    expect(changes.length).toBe(6);
  });

  test('licenses: limits, dates, distributions', () => {
    const before = { licenses: [{ distribution: { A: 40, B: 30, C: 30 } }] };
    const more = { grant: { limit: 50, expires: null, notBefore: null } };
    expect(words(before, { licenses: [...before.licenses, more] })).toEqual([
      'license Acme Application 1.0: hard limit 100 becomes 150; ' +
        'distribution A 40, B 30, C 30, free pool 0 becomes A 56, B 46, C 46, free pool 2; ' +
        'code code-2 added (Acme Application 1.0: 50 seats)',
    ]);
    expect(words(before, { licenses: [] })).toEqual([
      'license Acme Application 1.0 removed: 100 seats, from 2026-01-02T00:00:00Z, ' +
        'until 2027-01-31T00:00:00Z (A 40, B 30, C 30, free pool 0)',
    ]);
    const later = { grant: { expires: null }, distribution: { A: 40, B: 30, C: 30 } };
    expect(words(before, { licenses: [later] })).toEqual([
      'license Acme Application 1.0: code code-1: expires 2027-01-31T00:00:00Z becomes null',
    ]);
  });

  test('for scripts: what, from what, to what', () => {
    const [vendor, license, ...rest] = describeDifference(
      draft({ licenses: [] }),
      draft({ more: `[[vendor]]\nname = "New"\nkey = "${STRANGER.publicKey}"\n` }),
    );
    const value = { name: 'New', key: STRANGER.publicKey };
    expect(vendor).toMatchObject({
      subject: 'vendor',
      change: 'added',
      before: null,
      after: value,
    });
    expect(license).toMatchObject({
      subject: 'license',
      change: 'added',
      before: null,
      after: { application: 'Application', hardLimit: 100, freePool: 1 },
    });
    expect(rest).toEqual([]);
  });
});
