/**
 * How a transaction lies in the write-ahead log: the length of its body and a CRC-32 of the log's
 * id and the body (both 32 bits, little endian); the body is the transaction's number (48 bits) and
 * its writes, each a length of the key (16 bits), a length of the value (32 bits), key and value.
 */
import { crc32 } from 'node:zlib';
import type { Write } from '../../records.ts';

const HEADER_BYTES = 8;
const NUMBER_BYTES = 6;
export const FRAME_BYTES_MIN = HEADER_BYTES + NUMBER_BYTES;
const WRITE_HEADER_BYTES = 6;
/** In place of the length of a value: the record is deleted. */
const DELETED = 0xffffffff;

/** What `encodeFrame` will take. */
export function frameBytes(writes: readonly Write[]): number {
  let bytes = FRAME_BYTES_MIN;
  for (const { key, value } of writes) {
    bytes += WRITE_HEADER_BYTES + key.length + (value?.length ?? 0);
  }
  return bytes;
}

/** Puts a transaction into `log` at `start`, where it has room, and returns where it ends. */
export function encodeFrame(
  log: Buffer,
  start: number,
  {
    seed,
    number,
    writes,
  }: { readonly seed: number; readonly number: number; readonly writes: readonly Write[] },
): number {
  const body = start + HEADER_BYTES;
  log.writeUIntLE(number, body, NUMBER_BYTES);
  let at = body + NUMBER_BYTES;
  for (const { key, value } of writes) {
    log.writeUInt16LE(key.length, at);
    log.writeUInt32LE(value?.length ?? DELETED, at + 2);
    at += WRITE_HEADER_BYTES;
    log.set(key, at);
    at += key.length;
    if (value === null) continue;
    log.set(value, at);
    at += value.length;
  }
  log.writeUInt32LE(at - body, start);
  log.writeUInt32LE(crc32(log.subarray(body, at), seed), start + 4);
  return at;
}

/** The number that a frame at `start` would have: by hand, since a start asks a million times. */
export function numberAt(log: Buffer, start: number): number {
  let number = 0;
  for (let at = start + HEADER_BYTES + NUMBER_BYTES - 1; at >= start + HEADER_BYTES; at--) {
    number = number * 256 + (log[at] ?? 0);
  }
  return number;
}

export interface Frame {
  /** Of the transaction. */
  readonly number: number;
  readonly end: number;
}

/** The frame at `start`, or null where none is whole there. */
export function frameAt(log: Buffer, start: number, seed: number): Frame | null {
  const body = start + HEADER_BYTES;
  if (body + NUMBER_BYTES > log.length) return null;
  const length = log.readUInt32LE(start);
  const end = body + length;
  if (length < NUMBER_BYTES || end > log.length) return null;
  if (crc32(log.subarray(body, end), seed) !== log.readUInt32LE(start + 4)) return null;
  return { number: numberAt(log, start), end };
}

/** The writes of the frame from `start` to `end`, which is whole: views into the log. */
export function* writesOf(log: Buffer, start: number, end: number): Generator<Write, void> {
  let at = start + FRAME_BYTES_MIN;
  while (at < end) {
    const keyAt = at + WRITE_HEADER_BYTES;
    const valueAt = keyAt + log.readUInt16LE(at);
    const length = log.readUInt32LE(at + 2);
    const isDeleted = length === DELETED;
    at = isDeleted ? valueAt : valueAt + length;
    const value = isDeleted ? null : log.subarray(valueAt, at);
    yield { key: log.subarray(keyAt, valueAt), value };
  }
}
