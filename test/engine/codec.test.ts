/** DESIGN sections 4 and 11: decoders take what strangers send, whole, broken and hostile. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { decode, encode } from '../../src/engine/codec.ts';
import { LmError } from '../../src/engine/errors.ts';
import { MESSAGE_DEPTH_MAX } from '../../src/engine/limits.ts';

/** What the bytes mean, or `refused`; anything but a named refusal fails the test. */
function outcome(bytes: Uint8Array): unknown {
  try {
    return { value: decode(bytes) };
  } catch (error) {
    expect(error).toBeInstanceOf(LmError);
    expect((error as LmError).code).toBe('protocol');
    return 'refused';
  }
}

const ofBytes = (...bytes: number[]) => outcome(Uint8Array.from(bytes));

const LENGTHS = [0, 1, 15, 16, 31, 32, 255, 256, 4_096, 65_535, 65_536];

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer({ min: -(2 ** 53), max: 2 ** 53 }),
  fc.double({ noNaN: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
  fc.string({ unit: 'grapheme', maxLength: 40, size: 'max' }),
  fc.uint8Array({ maxLength: 40, size: 'max' }),
  // Lengths at which the format changes; each element drawn by itself would take minutes.
  fc
    .tuple(fc.constantFrom('a', 'ü', '漢', '😀'), fc.constantFrom(...LENGTHS))
    .map(([character, length]) => character.repeat(length)),
  fc.tuple(fc.nat(255), fc.constantFrom(...LENGTHS)).map(([byte, length]) => {
    return new Uint8Array(length).fill(byte);
  }),
);

/** msgpackr renames the one key that would reach a prototype. */
const name = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((key) => key !== '__proto__');

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: MESSAGE_DEPTH_MAX - 1 },
    { arbitrary: scalar, weight: 4 },
    { arbitrary: fc.array(tie('value'), { maxLength: 20 }), weight: 1 },
    { arbitrary: fc.dictionary(name, tie('value'), { maxKeys: 20 }), weight: 1 },
  ),
}));

/** Byte strings come back as views, objects without their prototype's identity. */
function plain(of: unknown): unknown {
  if (of instanceof Uint8Array) return `bytes ${Buffer.from(of).toString('hex')}`;
  if (Array.isArray(of)) return of.map(plain);
  if (typeof of !== 'object' || of === null) return of;
  return Object.fromEntries(Object.entries(of).map(([key, item]) => [key, plain(item)]));
}

describe('what is encoded', () => {
  test('decodes to itself', () => {
    fc.assert(
      fc.property(value, (of) => {
        expect(plain(decode(encode(of)))).toEqual(plain(of));
      }),
      { numRuns: 200 },
    );
  });

  test('keeps clear of the bytes reserved in front', () => {
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 255 }), (of, reserved) => {
        const bytes = encode(of, reserved);
        expect(plain(decode(bytes.subarray(reserved)))).toEqual(plain(of));
      }),
      { numRuns: 100 },
    );
  });

  test('is refused when cut short anywhere, or with a byte to spare', () => {
    fc.assert(
      fc.property(value, fc.nat(), (of, at) => {
        const bytes = encode(of).slice();
        expect(outcome(bytes.subarray(0, at % bytes.length))).toBe('refused');
        expect(outcome(Buffer.concat([bytes, Uint8Array.of(0)]))).toBe('refused');
      }),
      { numRuns: 200 },
    );
    const message = encode([10, 1, new Uint8Array(16), null, 'Über', '1.0', 3, 0, { a: 1.5 }]);
    for (let length = 0; length < message.length; length++) {
      expect(outcome(message.subarray(0, length))).toBe('refused');
    }
  });

  test('is a value or refused by name when bytes of it change', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(value, changes, (of, flips) => {
        const bytes = encode(of).slice();
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
        outcome(bytes);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what strangers send', () => {
  test('is a value or refused by name, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 4_096, size: 'max' });
    fc.assert(
      fc.property(bytes, (sent) => void outcome(sent)),
      { numRuns: 100 },
    );
    // Short ones reach more of the format than long ones, which are soon malformed.
    const short = fc.uint8Array({ maxLength: 8 });
    fc.assert(
      fc.property(short, (sent) => void outcome(sent)),
      { numRuns: 2_000 },
    );
  });

  test('may not be an extension: msgpackr would take record definitions from it', () => {
    for (const head of [0xc1, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xc7, 0xc8, 0xc9]) {
      for (const type of [0x72, 0x00, 0xff, 0x62, 0x65, 0x69, 0x78, 0x74]) {
        const tail = [type, 0x40, 0x91, 0xa1, 0x61, ...new Array(24).fill(0)];
        for (let length = 0; length <= tail.length; length++) {
          expect(ofBytes(head, ...tail.slice(0, length))).toBe('refused');
        }
      }
    }
    const define = [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01];
    expect(ofBytes(...define)).toBe('refused');
    expect(ofBytes(0x92, ...define, 0x01)).toBe('refused');
    // What would be a record of it is the number that it is without one.
    expect(ofBytes(0x40)).toEqual({ value: 0x40 });
    expect(ofBytes(0x92, 0x40, 0x01)).toEqual({ value: [0x40, 1] });
  });

  test('may nest no deeper than the limit', () => {
    const nested = (depth: number) => [...new Array<number>(depth).fill(0x91), 0x01];
    expect(ofBytes(...nested(MESSAGE_DEPTH_MAX))).not.toBe('refused');
    expect(ofBytes(...nested(MESSAGE_DEPTH_MAX + 1))).toBe('refused');
    expect(ofBytes(...nested(2_000_000 / 8))).toBe('refused');
    const maps = new Array(100_000).fill([0x81, 0xa1, 0x61]).flat();
    expect(outcome(Uint8Array.from(maps))).toBe('refused');
  });

  test('may not promise more than is there', () => {
    for (const head of [0xc6, 0xdb, 0xdd, 0xdf]) {
      expect(ofBytes(head, 0xff, 0xff, 0xff, 0xff)).toBe('refused');
      expect(ofBytes(head, 0x7f, 0xff, 0xff, 0xff, 0x01, 0x02)).toBe('refused');
    }
    for (const head of [0xc5, 0xda, 0xdc, 0xde]) expect(ofBytes(head, 0xff, 0xff)).toBe('refused');
    expect(ofBytes(0x9f, 0x01)).toBe('refused');
    expect(ofBytes(0x8f, 0xa1, 0x61)).toBe('refused');
    expect(ofBytes()).toBe('refused');
  });

  test('has texts as the keys of its maps: others are refused, not thrown at the server', () => {
    const keys = [
      [0x01],
      [0xc0],
      [0xc3],
      [0x91, 0x01],
      [0x80],
      [0xc4, 0x01, 0x41],
      [0xca, 0, 0, 0, 0],
    ];
    for (const key of keys) expect(ofBytes(0x81, ...key, 0x02)).toBe('refused');
    for (const key of [
      [0xa1, 0x61],
      [0xd9, 1, 0x61],
      [0xda, 0, 1, 0x61],
      [0xdb, 0, 0, 0, 1, 0x61],
    ]) {
      expect(ofBytes(0x81, ...key, 0x02)).toEqual({ value: { a: 2 } });
    }
  });

  test('reaches no prototype', () => {
    const name = [...Buffer.from('__proto__')];
    const { value: read } = ofBytes(0x81, 0xa9, ...name, 0x81, 0xa1, 0x61, 1) as { value: object };
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect('a' in read).toBe(false);
    expect('a' in {}).toBe(false);
  });
});
