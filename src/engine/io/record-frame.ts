/**
 * How a record's value lies on disk: a version byte, the CRC-32 of key and payload (little endian),
 * the payload. LMDB checks no content: this tells a value that is whole from one that the disk, or
 * another program, changed.
 */
import { crc32 } from 'node:zlib';

const FRAME_VERSION = 1;
export const FRAME_HEADER_BYTES = 5;

/** Writes the frame of `payload` into `target`, which has the room: its length. */
export function writeFrame(target: Uint8Array, key: Uint8Array, payload: Uint8Array): number {
  const checksum = crc32(payload, crc32(key));
  target[0] = FRAME_VERSION;
  target[1] = checksum;
  target[2] = checksum >>> 8;
  target[3] = checksum >>> 16;
  target[4] = checksum >>> 24;
  target.set(payload, FRAME_HEADER_BYTES);
  return FRAME_HEADER_BYTES + payload.length;
}

/** The payload, a view into `frame`, or what is wrong with it. */
export function readFrame(key: Uint8Array, frame: Uint8Array): Uint8Array | FrameFault {
  if (frame.length < FRAME_HEADER_BYTES) return 'is cut short';
  if (frame[0] !== FRAME_VERSION) return 'has an unknown version';
  const payload = frame.subarray(FRAME_HEADER_BYTES);
  const checksum = crc32(payload, crc32(key));
  const same =
    frame[1] === (checksum & 0xff) &&
    frame[2] === ((checksum >>> 8) & 0xff) &&
    frame[3] === ((checksum >>> 16) & 0xff) &&
    frame[4] === checksum >>> 24;
  return same ? payload : 'has a wrong checksum';
}

export type FrameFault = 'is cut short' | 'has an unknown version' | 'has a wrong checksum';
