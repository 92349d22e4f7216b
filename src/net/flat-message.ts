/**
 * A quick reader for flat messages: arrays of small numbers, short texts, bytes, booleans and nil,
 * which is what clients and servers say to each other all day. Anything else it leaves to the
 * codec, which reads everything that the protocol allows and refuses the rest.
 */

const FIELDS_MAX = 15;

/** The fields, their bytes the caller's to keep; null where the codec should look. */
export function readFlatMessage(from: Buffer, start: number, end: number): unknown[] | null {
  const head = from[start] ?? 0;
  if (head < 0x90 || head > 0x90 + FIELDS_MAX) return null;
  const count = head - 0x90;
  const fields: unknown[] = [];
  let at = start + 1;
  for (let field = 0; field < count; field++) {
    const type = from[at] ?? 0xc1;
    at++;
    if (type < 0x80) {
      fields.push(type);
    } else if (type >= 0xa0 && type < 0xc0) {
      const length = type - 0xa0;
      if (at + length > end) return null;
      fields.push(from.toString('utf8', at, at + length));
      at += length;
    } else if (type === 0xc0) {
      fields.push(null);
    } else if (type === 0xc2 || type === 0xc3) {
      fields.push(type === 0xc3);
    } else if (type === 0xc4) {
      const length = from[at] ?? 0;
      at++;
      if (at + length > end) return null;
      fields.push(copied(from, at, length));
      at += length;
    } else if (type === 0xcc) {
      fields.push(from[at] ?? 0);
      at++;
    } else if (type === 0xcd && at + 2 <= end) {
      fields.push((byte(from, at) << 8) | byte(from, at + 1));
      at += 2;
    } else if (type === 0xce && at + 4 <= end) {
      fields.push(byte(from, at) * 0x1000000 + uint24(from, at + 1));
      at += 4;
    } else {
      return null;
    }
  }
  return at === end ? fields : null;
}

function byte(from: Buffer, at: number): number {
  return from[at] ?? 0;
}

function uint24(from: Buffer, at: number): number {
  return (byte(from, at) << 16) | (byte(from, at + 1) << 8) | byte(from, at + 2);
}

/** Small arrays of their own are cheaper, in the end, than views that keep a whole chunk alive. */
function copied(from: Buffer, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let place = 0; place < length; place++) bytes[place] = from[at + place] ?? 0;
  return bytes;
}
