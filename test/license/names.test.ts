import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { addressProblem, formatAddress, parseAddress } from '../../src/engine/license/address.ts';
import { applicationProblem, nameProblem } from '../../src/engine/license/names.ts';
import { compareVersions, versionKey, versionProblem } from '../../src/engine/license/version.ts';

describe('names (DESIGN section 9)', () => {
  test.each(['A', 'cad-east', 'a.b_c-9', 'x'.repeat(63), '..a'])('%p is one', (name) => {
    expect(nameProblem(name)).toBeNull();
  });

  test.each(['', '.', '..', '...', 'x'.repeat(64), 'a b', 'a/b', 'é', 'a\n', 'a\0'])(
    '%p is none',
    (name) => {
      expect(nameProblem(name)).toContain('is not a name');
    },
  );

  test('applications are printable text of any script', () => {
    for (const name of [
      'Application',
      'CAD 2000 (x64)',
      'Größe',
      '設計',
      'تصميم',
      'A"B\\C',
      '🙂',
    ]) {
      expect(applicationProblem(name)).toBeNull();
    }
  });

  test.each([
    ['', 'is empty'],
    ['a\u0007b', 'control'],
    ['a\nb', 'control'],
    ['a\u0085b', 'control'],
    ['a\u2028b', 'control'],
    ['a\u202eb', 'bidirectional'],
    ['a\u2066b', 'bidirectional'],
    ['a\u200fb', 'bidirectional'],
    ['a\ud800b', 'control'],
    [' a', 'space'],
    ['e\u0301', 'composed'],
    ['é'.repeat(128), 'longer'],
  ])('the application %p is refused', (name, problem) => {
    expect(applicationProblem(name)).toContain(problem);
  });
});

describe('versions', () => {
  test.each(['1', '1.0', '2024.10.1', '0', '01.02', '1.2.3.4.5.6.7.8'])('%p is one', (version) => {
    expect(versionProblem(version)).toBeNull();
  });

  test.each(['', '.', '1.', '.1', '1..2', '-1', '1.a', '1,2', ' 1', '1.2.3.4.5.6.7.8.9'])(
    '%p is none',
    (version) => {
      expect(versionProblem(version)).not.toBeNull();
    },
  );

  test('fields compare as numbers, missing ones as 0', () => {
    expect(compareVersions('1.10', '1.9')).toBe(1);
    expect(compareVersions('1', '1.0.0')).toBe(0);
    expect(compareVersions('1.2', '1.2.1')).toBe(-1);
    expect(compareVersions('01.2', '1.02')).toBe(0);
  });

  test('versions have one key exactly where they compare equal', () => {
    const version = fc
      .array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 4 })
      .map((fields) => fields.join('.'));
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(versionKey(a) === versionKey(b)).toBe(compareVersions(a, b) === 0);
        expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
      }),
    );
  });
});

describe('addresses', () => {
  test.each(['127.0.0.1:5930', 'license1.example.com:1', '[::1]:65535', 'a_b:80', 'host.:80'])(
    '%p can be dialed',
    (address) => {
      expect(addressProblem(address)).toBeNull();
      expect(formatAddress(parseAddress(address))).toBe(address);
    },
  );

  test.each([
    '',
    ':80',
    'host',
    'host:0',
    'host:65536',
    '::1:80',
    '[::1]',
    '[zz]:80',
    '0.0.0.0:80',
    '[::]:80',
    '1.2.3:80',
    '256.1.1.1:80',
    'a b:80',
    'a/b:80',
    '-a:80',
    'a\n:80',
    `${'x'.repeat(64)}:80`,
  ])('%p can not', (address) => {
    expect(addressProblem(address)).not.toBeNull();
  });

  test('the port is 5930 unless told', () => {
    expect(parseAddress('[::1]')).toEqual({ host: '::1', port: 5930 });
    expect(parseAddress('host')).toEqual({ host: 'host', port: 5930 });
  });
});
