/** Frames come out whole, however a socket cuts them. */
import { expect, test } from 'bun:test';
import { encodeFrame, FrameParser } from '../../src/net/frames.ts';

const MESSAGES = [1, 70_000, 3, 200_000, 40_000, 2].map((length, at) => {
  return [at, 'text', new Uint8Array(length).fill(at + 1)];
});
const STREAM = Buffer.concat(MESSAGES.map(encodeFrame));
const BYTES_MAX = 250_000;

for (const size of [1_000, 30_000, 65_536, 70_050, STREAM.length]) {
  test(`in pieces of ${size} bytes`, () => {
    const parser = new FrameParser(BYTES_MAX);
    const messages: (readonly unknown[])[] = [];
    for (let at = 0; at < STREAM.length; at += size) {
      const piece = Buffer.from(STREAM.subarray(at, at + size));
      parser.push(piece, (message) => messages.push(message) > 0);
    }
    expect(parser.partial).toBe(false);
    // Also what was handed on long ago is as it was.
    expect(messages).toEqual(MESSAGES);
  });
}

test('what waits is had with no more bytes', () => {
  const parser = new FrameParser(BYTES_MAX);
  const types: unknown[] = [];
  const one = ([type]: readonly unknown[]) => types.push(type) < 0;
  const half = STREAM.length - 40_000;
  for (const piece of [STREAM.subarray(0, half), STREAM.subarray(half)]) parser.push(piece, one);
  for (let more = 0; more < MESSAGES.length; more++) parser.push(new Uint8Array(0), one);
  expect(types).toEqual([0, 1, 2, 3, 4, 5]);
  expect(parser.partial).toBe(false);
});
