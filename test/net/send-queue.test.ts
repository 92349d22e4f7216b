/** What waits for a peer is bounded, in order, and written together. */
import { expect, test } from 'bun:test';
import {
  PEER_FRAME_BYTES_MAX,
  PEER_PIECE_BYTES,
  PEER_QUEUE_BYTES_MAX,
} from '../../src/engine/limits.ts';
import { encodeFrame, FrameParser } from '../../src/net/frames.ts';
import { SendQueue } from '../../src/net/send-queue.ts';

/** A network that takes what is written when the test says so. */
function network() {
  const written: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  const queue = new SendQueue((bytes, taken) => {
    written.push(bytes);
    waiting.push(taken);
  });
  const take = () => waiting.shift()?.();
  const takeAll = () => {
    while (waiting.length > 0) take();
  };
  const messages = () => {
    const found: (readonly unknown[])[] = [];
    new FrameParser(PEER_FRAME_BYTES_MAX).push(Buffer.concat(written), (message) => {
      return found.push(message) > 0;
    });
    return found;
  };
  return { queue, written, take, takeAll, messages };
}

test('the messages of one turn go out in one write, those of the next behind them', () => {
  const { queue, written, take, takeAll, messages } = network();
  for (let at = 0; at < 5; at++) queue.add([1, at]);
  expect(written).toEqual([]);
  queue.flush();
  expect(written).toHaveLength(1);
  for (let at = 5; at < 9; at++) {
    queue.add([1, at]);
    queue.flush();
  }
  // The first write is not through: what comes meanwhile waits, and goes together.
  expect(written).toHaveLength(1);
  take();
  expect(written).toHaveLength(2);
  takeAll();
  expect(messages()).toEqual(Array.from({ length: 9 }, (_, at) => [1, at]));
  expect(queue.bytes).toBe(0);
  queue.flush();
  expect(written).toHaveLength(2);
});

test('a large message goes out in pieces, each when the last was taken', () => {
  const { queue, written, takeAll, messages } = network();
  const message = [1, new Uint8Array(3 * PEER_PIECE_BYTES).fill(7)];
  queue.add(message);
  queue.add([2]);
  queue.flush();
  expect(written.map(({ length }) => length)).toEqual([PEER_PIECE_BYTES]);
  takeAll();
  expect(written).toHaveLength(4);
  expect(queue.taken).toBe(4);
  expect(messages()).toEqual([message, [2]]);
});

test('what is too much is dropped, and what comes once there is room again is not', () => {
  const { queue, takeAll, messages } = network();
  const half = new Uint8Array(PEER_QUEUE_BYTES_MAX / 2);
  const bytes = encodeFrame([1, half]).length;
  queue.add([1, half]);
  queue.flush();
  queue.add([2, half]);
  expect(queue.dropped).toBe(1);
  expect(queue.bytes).toBe(bytes);
  queue.add([3]);
  for (let at = 0; at < 100; at++) queue.add([4, half.subarray(0, half.length / 4)]);
  expect(queue.bytes).toBeLessThanOrEqual(PEER_QUEUE_BYTES_MAX);
  takeAll();
  expect(messages().map(([type]) => type)).toEqual([1, 3, 4, 4, 4]);
  queue.add([2, half]);
  queue.flush();
  takeAll();
  expect(messages().at(-1)?.[0]).toBe(2);
});
