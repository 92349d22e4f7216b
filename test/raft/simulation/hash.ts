/** A 53-bit hash of text, chained on the one before: enough to tell histories apart. */
export function chained(before: number, text: string): number {
  let low = (before ^ 0xdeadbeef) >>> 0;
  let high = (Math.floor(before / 2 ** 21) ^ 0x41c6ce57) >>> 0;
  for (let place = 0; place < text.length; place += 1) {
    const code = text.charCodeAt(place);
    low = Math.imul(low ^ code, 2654435761);
    high = Math.imul(high ^ code, 1597334677);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return 4294967296 * (2097151 & high) + (low >>> 0);
}
