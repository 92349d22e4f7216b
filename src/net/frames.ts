/**
 * Frames: a message behind its length, four bytes, big-endian. The parser is fed what a socket
 * delivers, in whatever pieces, and never holds more than one frame of the allowed size.
 */
import { decode, encode } from '../engine/codec.ts';
import { LmError } from '../engine/errors.ts';

const LENGTH_BYTES = 4;

/** The frame of a message, ready to be written. */
export function encodeFrame(message: readonly unknown[]): Uint8Array {
  const frame = encode(message, LENGTH_BYTES);
  const length = frame.length - LENGTH_BYTES;
  frame[0] = length >>> 24;
  frame[1] = length >>> 16;
  frame[2] = length >>> 8;
  frame[3] = length;
  return frame;
}

/** A push parser, apart from any socket: bytes in, messages out. */
export class FrameParser {
  /** Largest frame accepted, in bytes; may be raised once the other side said who it is. */
  bytesMax: number;
  #pending: Uint8Array | null = null;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** A frame has begun and not ended: its sender owes the rest. */
  get partial(): boolean {
    return this.#pending !== null;
  }

  /**
   * Takes what arrived and hands on each whole message, until `onMessage` returns false: the rest
   * then waits for `push` with no bytes.
   *
   * @throws LmError `protocol`: an empty or oversized frame, or bytes that are no message array.
   */
  push(chunk: Uint8Array, onMessage: (message: readonly unknown[]) => boolean): void {
    const bytes = this.#pending === null ? chunk : concatenate(this.#pending, chunk);
    this.#pending = null;
    let at = 0;
    let more = true;
    while (more && bytes.length - at >= LENGTH_BYTES) {
      const length = frameLength(bytes, at);
      if (length === 0 || length > this.bytesMax) throw badLength(length, this.bytesMax);
      const start = at + LENGTH_BYTES;
      if (bytes.length - start < length) break;
      const message = decode(bytes.subarray(start, start + length));
      if (!Array.isArray(message)) throw notAnArray();
      at = start + length;
      more = onMessage(message);
    }
    if (at < bytes.length) this.#pending = bytes.slice(at);
  }
}

function frameLength(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return a * 0x1000000 + ((b << 16) | (c << 8) | d);
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function badLength(length: number, bytesMax: number): LmError {
  return new LmError(
    'protocol',
    `A frame of ${length} bytes was announced; 1 to ${bytesMax} are allowed.`,
    'Check that the other side is lm, and of a version that this one speaks with.',
  );
}

function notAnArray(): LmError {
  return new LmError(
    'protocol',
    'A message is an array that begins with its type; something else came.',
    'Check that the other side is lm, and of a version that this one speaks with.',
  );
}
