/**
 * Frames: a message behind its length, four bytes, big-endian. The parser is fed what a socket
 * delivers, in whatever pieces, and never holds more than one frame of the allowed size.
 */
import { decode, encode, encodeInPlace } from '../engine/codec.ts';
import { LmError } from '../engine/errors.ts';
import { readFlatMessage } from './flat-message.ts';

const LENGTH_BYTES = 4;

/** The frame of a message, ready to be written. */
export function encodeFrame(message: readonly unknown[]): Uint8Array {
  const frame = encode(message, LENGTH_BYTES);
  writeLength(frame, 0, frame.length - LENGTH_BYTES);
  return frame;
}

/** Frames on their way out, gathered in one buffer so that one write sends them all. */
export class FrameBuffer {
  #buffer: Buffer | null = null;
  #used = 0;

  get empty(): boolean {
    return this.#used === 0;
  }

  add(message: readonly unknown[]): void {
    const { buffer, start, end } = encodeInPlace(message, LENGTH_BYTES);
    writeLength(buffer, start, end - start - LENGTH_BYTES);
    const into = this.#room(end - start);
    buffer.copy(into, this.#used, start, end);
    this.#used += end - start;
  }

  /** What has gathered; valid until the next `add`. */
  take(): Uint8Array {
    const bytes = this.#buffer?.subarray(0, this.#used) ?? NOTHING;
    if (bytes.length > BUFFER_BYTES_KEPT) this.#buffer = null;
    this.#used = 0;
    return bytes;
  }

  #room(bytes: number): Buffer {
    const needed = this.#used + bytes;
    const old = this.#buffer;
    if (old !== null && needed <= old.length) return old;
    const larger = Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES_MIN, 2 * needed));
    old?.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
    return larger;
  }
}

const BUFFER_BYTES_MIN = 512;
/** A buffer that grew beyond this is not kept for a connection that may fall silent. */
const BUFFER_BYTES_KEPT = 16 * 1024;
const NOTHING = new Uint8Array(0);

/** A push parser, apart from any socket: bytes in, messages out. */
export class FrameParser {
  /** Largest frame accepted, in bytes; may be raised once the other side said who it is. */
  bytesMax: number;
  /** The beginning of a frame, with room to grow; nobody else has a part of this buffer. */
  #pending: Buffer | null = null;
  #held = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** A frame has begun and not ended: its sender owes the rest. */
  get partial(): boolean {
    return this.#held > 0;
  }

  /**
   * Takes what arrived and hands on each whole message, until `onMessage` returns false: the rest
   * then waits for `push` with no bytes.
   *
   * @throws LmError `protocol`: an empty or oversized frame, or bytes that are no message array.
   */
  push(chunk: Uint8Array, onMessage: (message: readonly unknown[]) => boolean): void {
    const isOwn = this.#held > 0;
    const bytes = isOwn ? this.#extended(chunk) : bufferOf(chunk);
    this.#held = 0;
    let at = 0;
    let more = true;
    while (more && bytes.length - at >= LENGTH_BYTES) {
      const length = bytes.readUInt32BE(at);
      if (length === 0 || length > this.bytesMax) throw badLength(length, this.bytesMax);
      const start = at + LENGTH_BYTES;
      if (bytes.length - start < length) break;
      at = start + length;
      more = onMessage(readMessage(bytes, start, at));
    }
    if (at < bytes.length) this.#hold(bytes, at, isOwn);
    else this.#pending = null;
  }

  /** What is held, and the chunk behind it: a large frame comes in many of them. */
  #extended(chunk: Uint8Array): Buffer {
    const length = this.#held + chunk.length;
    const old = this.#pending;
    if (old === null || old.length < length) {
      const room = Math.min(2 * length, this.bytesMax + LENGTH_BYTES);
      this.#pending = Buffer.allocUnsafeSlow(Math.max(length, room));
      old?.copy(this.#pending, 0, 0, this.#held);
    }
    this.#pending?.set(chunk, this.#held);
    return this.#pending?.subarray(0, length) ?? bufferOf(chunk);
  }

  /** Keeps the rest; messages that were handed on may be views of the bytes before it. */
  #hold(bytes: Buffer, at: number, isOwn: boolean): void {
    this.#held = bytes.length - at;
    if (!isOwn || at > 0) this.#pending = ownCopy(bytes.subarray(at));
  }
}

function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

function readMessage(bytes: Buffer, start: number, end: number): readonly unknown[] {
  const flat = readFlatMessage(bytes, start, end);
  if (flat !== null) return flat;
  const message = decode(bytes.subarray(start, end));
  if (!Array.isArray(message)) throw notAnArray();
  return message;
}

function writeLength(into: Uint8Array, at: number, length: number): void {
  into[at] = length >>> 24;
  into[at + 1] = length >>> 16;
  into[at + 2] = length >>> 8;
  into[at + 3] = length;
}

function bufferOf(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
