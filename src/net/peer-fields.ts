/**
 * Fields of a peer's message, read one by one: each is of its type and within its bound, or the
 * message is refused. Bytes are copied out of the frame, which the next one overwrites.
 */
import type { ServerId } from '../engine/raft/types.ts';
import { check, type Fields, isBytesUpTo, isCount, isText } from './field-checks.ts';

const SERVER_ID = /^sha256:[0-9a-f]{64}$/;

export function readList(value: unknown, lengthMax: number, what: string): Fields {
  check(Array.isArray(value) && value.length <= lengthMax, `${what} is a list, and not too long`);
  return value;
}

export function readCount(value: unknown, what: string): number {
  check(isCount(value), `${what} is a whole number, 0 or more`);
  return value;
}

export function readFlag(value: unknown, what: string): boolean {
  check(typeof value === 'boolean', `${what} is true or false`);
  return value;
}

export function readText(value: unknown, charactersMax: number, what: string): string {
  check(isText(value, charactersMax), `${what} is a text, and not too long`);
  return value;
}

export function readBytes(value: unknown, bytesMax: number, what: string): Uint8Array {
  check(isBytesUpTo(value, bytesMax), `${what} is bytes, and not too many`);
  return new Uint8Array(value);
}

export function readId(value: unknown, bytes: number, what: string): Uint8Array {
  check(isBytesUpTo(value, bytes) && value.length === bytes, `${what} is ${bytes} bytes`);
  return new Uint8Array(value);
}

export function readServerId(value: unknown, what: string): ServerId {
  check(typeof value === 'string' && SERVER_ID.test(value), `${what} is named by its fingerprint`);
  return value;
}
