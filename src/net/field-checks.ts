/** What decoders ask of the fields of a message, before anything past them relies on it. */
import { LmError } from '../engine/errors.ts';

export type Fields = readonly unknown[];

/** @throws LmError `protocol` that names the rule, unless it holds. */
export function check(condition: boolean, rule: string): asserts condition {
  if (condition) return;
  throw new LmError(
    'protocol',
    `The message breaks the protocol: ${rule}.`,
    'Check that the other side speaks this protocol, as docs/PROTOCOL.md describes it.',
  );
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** What numbers a message on the wire. */
export function isSequence(value: unknown): value is number {
  return isCount(value) && value <= 0xffffffff;
}

export function isText(value: unknown, charactersMax: number): value is string {
  return typeof value === 'string' && value.length <= charactersMax;
}

export function isTextOrNull(value: unknown, charactersMax: number): value is string | null {
  return value === null || isText(value, charactersMax);
}

export function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

export function isBytesUpTo(value: unknown, bytesMax: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length <= bytesMax;
}
