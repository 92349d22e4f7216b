import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { FrameDecoder, FrameEncoder } from '../../src/engine/io/lmdb/record-frame.ts';

const encoder = new FrameEncoder();
const decoder = new FrameDecoder();
const anyBytes = fc.uint8Array({ maxLength: 300, size: 'max' });
const anyKey = fc.uint8Array({ minLength: 1, maxLength: 100, size: 'max' });

function read(key: Uint8Array, frame: Uint8Array, length = frame.length) {
  const payload = decoder.decode(frame, length);
  return { payload, fault: decoder.fault(key) };
}

test('a frame gives back its payload', () => {
  fc.assert(
    fc.property(anyKey, anyBytes, (key, payload) => {
      const frame = Buffer.from(encoder.encode(key, payload));
      expect(read(key, frame).fault).toBeNull();
      expect(Buffer.from(read(key, frame).payload).equals(payload)).toBe(true);
    }),
  );
});

test('the form on disk does not change', () => {
  const frame = encoder.encode(Buffer.from('k1'), Buffer.from('seat'));
  expect(frame.toString('hex')).toBe('014dc4136a73656174');
});

test('one changed byte of frame or key is found', () => {
  fc.assert(
    fc.property(
      anyKey,
      anyBytes,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (key, payload, at, change) => {
        const frame = Buffer.from(encoder.encode(key, payload));
        const both = Buffer.concat([frame, key]);
        const index = at % both.length;
        both[index] = (both[index] ?? 0) ^ change;
        const fault = read(both.subarray(frame.length), both.subarray(0, frame.length)).fault;
        expect(fault).not.toBeNull();
      },
    ),
  );
});

test('a frame cut short is found', () => {
  const key = Buffer.from('k');
  const frame = Buffer.from(encoder.encode(key, Buffer.alloc(20, 7)));
  for (let length = 0; length < frame.length; length += 1) {
    expect(read(key, frame, length).fault).not.toBeNull();
  }
  expect(read(key, frame, 4).fault).toBe('is cut short');
});

test('a payload is a copy: what it was read from may be used again', () => {
  const frame = Buffer.from(encoder.encode(Buffer.from('k'), Buffer.from('seat')));
  const { payload } = read(Buffer.from('k'), frame);
  frame.fill(0);
  expect(Buffer.from(payload).toString()).toBe('seat');
});

test('a payload larger than the buffer before is framed whole', () => {
  const big = Buffer.alloc(300_000, 3);
  const frame = Buffer.from(new FrameEncoder().encode(Buffer.from('k'), big));
  expect(frame.length).toBe(300_005);
  expect(read(Buffer.from('k'), frame).fault).toBeNull();
});
