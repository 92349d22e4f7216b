/**
 * MessagePack, the encoding of the wire and of the disk, without what makes it unsafe to read from
 * strangers: extension types (msgpackr would take record definitions from them), nesting without
 * end, and lengths that promise more than is there. Those are refused before msgpackr sees a byte.
 */
import { Packr, Unpackr } from 'msgpackr/index-no-eval';
import { LmError } from './errors.ts';
import { MESSAGE_DEPTH_MAX } from './limits.ts';

const OPTIONS = { useRecords: false, mapsAsObjects: true, int64AsType: 'number' } as const;
const packr = new Packr(OPTIONS);
const unpackr = new Unpackr(OPTIONS);

/** msgpackr's flag for bytes left free in front; their number is in the low eight bits. */
const RESERVE_START_SPACE = 2048;
/** That, and its flags for handing out its own buffer (512) and writing there again (1024). */
const IN_PLACE = RESERVE_START_SPACE + 512 + 1024;

/** The bytes of `value`, with `reserved` (0 to 255) bytes left free in front. */
export function encode(value: unknown, reserved = 0): Uint8Array {
  return reserved === 0 ? packr.pack(value) : packr.pack(value, RESERVE_START_SPACE + reserved);
}

/** As `encode`, without a view of the bytes: they stand in `buffer` until the next call. */
export function encodeInPlace(
  value: unknown,
  reserved: number,
): { readonly buffer: Buffer; readonly start: number; readonly end: number } {
  const buffer = packr.pack(value, IN_PLACE + reserved);
  // In this mode msgpackr marks the place on the buffer itself, which its types leave out.
  const { start, end } = buffer as unknown as { readonly start: number; readonly end: number };
  return { buffer, start, end };
}

/**
 * Reads one value that fills `bytes` exactly. Byte strings in it are views of `bytes`.
 *
 * @throws LmError `protocol` when the bytes are not one well-formed value of the types in use.
 */
export function decode(bytes: Uint8Array): unknown {
  if (wellFormedEnd(bytes, 0, 0) !== bytes.length) throw malformed();
  return unpackr.unpack(bytes);
}

function malformed(): LmError {
  return new LmError(
    'protocol',
    'The bytes received are not a message of this protocol.',
    'Check that the other side is lm, and of a version that this one speaks with.',
  );
}

/** Where the value that starts at `at` ends, or -1 where it is malformed, too deep or cut short. */
function wellFormedEnd(bytes: Uint8Array, at: number, depth: number): number {
  const head = bytes[at];
  if (head === undefined || depth > MESSAGE_DEPTH_MAX) return -1;
  const next = at + 1;
  if (head < 0x80 || head >= 0xe0) return next;
  if (head < 0x90) return entriesEnd(bytes, next, head & 0x0f, depth);
  if (head < 0xa0) return itemsEnd(bytes, next, head & 0x0f, depth);
  if (head < 0xc0) return skip(bytes, next, head & 0x1f);
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return next;
    case 0xc4:
    case 0xd9:
      return skip(bytes, next + 1, unsigned(bytes, next, 1));
    case 0xc5:
    case 0xda:
      return skip(bytes, next + 2, unsigned(bytes, next, 2));
    case 0xc6:
    case 0xdb:
      return skip(bytes, next + 4, unsigned(bytes, next, 4));
    case 0xcc:
    case 0xd0:
      return skip(bytes, next, 1);
    case 0xcd:
    case 0xd1:
      return skip(bytes, next, 2);
    case 0xca:
    case 0xce:
    case 0xd2:
      return skip(bytes, next, 4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return skip(bytes, next, 8);
    case 0xdc:
      return itemsEnd(bytes, next + 2, unsigned(bytes, next, 2), depth);
    case 0xdd:
      return itemsEnd(bytes, next + 4, unsigned(bytes, next, 4), depth);
    case 0xde:
      return entriesEnd(bytes, next + 2, unsigned(bytes, next, 2), depth);
    case 0xdf:
      return entriesEnd(bytes, next + 4, unsigned(bytes, next, 4), depth);
    default:
      return -1;
  }
}

/** An item takes at least a byte, so a count above what is left is refused before it is walked. */
function itemsEnd(bytes: Uint8Array, start: number, count: number, depth: number): number {
  if (count < 0 || count > bytes.length - start) return -1;
  let at = start;
  for (let item = 0; item < count; item++) {
    at = wellFormedEnd(bytes, at, depth + 1);
    if (at === -1) return -1;
  }
  return at;
}

/**
 * The entries of a map. Keys are texts: of others msgpackr makes texts, or throws what is no
 * LmError.
 */
function entriesEnd(bytes: Uint8Array, start: number, count: number, depth: number): number {
  if (count < 0 || count > (bytes.length - start) / 2) return -1;
  let at = start;
  for (let entry = 0; entry < count; entry++) {
    if (!isText(bytes[at])) return -1;
    at = wellFormedEnd(bytes, at, depth + 1);
    if (at === -1) return -1;
    at = wellFormedEnd(bytes, at, depth + 1);
    if (at === -1) return -1;
  }
  return at;
}

function isText(head: number | undefined): boolean {
  return head !== undefined && ((head >= 0xa0 && head < 0xc0) || (head >= 0xd9 && head <= 0xdb));
}

function skip(bytes: Uint8Array, start: number, length: number): number {
  return length < 0 || start + length > bytes.length ? -1 : start + length;
}

/** A big-endian number of `size` bytes, or -1 where it is cut short. */
function unsigned(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) return -1;
  let value = 0;
  for (let byte = 0; byte < size; byte++) value = value * 256 + (bytes[at + byte] ?? 0);
  return value;
}
