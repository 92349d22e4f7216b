/**
 * How a record's value lies on disk: a version byte, the CRC-32 of payload and key (little endian),
 * the payload. LMDB checks no content: this tells a value that is whole from one that a disk, or
 * another program, changed, and from one that lies under another key.
 */
import { crc32 } from 'node:zlib';

const VERSION = 1;
const HEADER_BYTES = 5;
const SCRATCH_BYTES_MIN = 64 * 1024;

/** Makes frames in one buffer that it uses again and again: a commit is the hot path. */
export class FrameEncoder {
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES_MIN);

  /** The frame of `payload`, a view that the next call overwrites. */
  encode(key: Uint8Array, payload: Uint8Array): Buffer {
    const length = HEADER_BYTES + payload.length;
    if (length > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(2 * length);
    const scratch = this.#scratch;
    const checksum = crc32(key, crc32(payload));
    scratch[0] = VERSION;
    scratch[1] = checksum;
    scratch[2] = checksum >>> 8;
    scratch[3] = checksum >>> 16;
    scratch[4] = checksum >>> 24;
    scratch.set(payload, HEADER_BYTES);
    return scratch.subarray(0, length);
  }
}

export type FrameFault = 'is cut short' | 'has an unknown version' | 'has a wrong checksum';

/**
 * Reads frames in two steps, because LMDB gives the value first and the key later, and to copy the
 * value once is all that a start with a million records can afford.
 */
export class FrameDecoder {
  #version: number | undefined = 0;
  #stored = 0;
  #payloadChecksum = 0;

  /** A copy of the payload of the frame in the first `length` bytes, not yet to be trusted. */
  decode(frame: Uint8Array, length: number): Uint8Array {
    this.#version = length < HEADER_BYTES ? undefined : frame[0];
    this.#stored =
      ((frame[1] ?? 0) |
        ((frame[2] ?? 0) << 8) |
        ((frame[3] ?? 0) << 16) |
        ((frame[4] ?? 0) << 24)) >>>
      0;
    const payload = copyOf.call(frame, HEADER_BYTES, length);
    this.#payloadChecksum = crc32(payload);
    return payload;
  }

  /** What is wrong with the frame that was decoded last, which lay under `key`. */
  fault(key: Uint8Array): FrameFault | null {
    if (this.#version === undefined) return 'is cut short';
    if (this.#version !== VERSION) return 'has an unknown version';
    return crc32(key, this.#payloadChecksum) === this.#stored ? null : 'has a wrong checksum';
  }
}

/** Copies also where the frame is a Buffer, whose own `slice` does not. */
const copyOf = Uint8Array.prototype.slice;
