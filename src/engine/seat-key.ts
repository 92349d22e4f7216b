/** The holder's secret of a seat, its key, and the key's public id. */
import { hash } from 'node:crypto';

export const KEY_BYTES = 16;
export const ID_BYTES = 16;

/** The public id of a key: the first 16 bytes of its SHA-256. */
export function keyId(key: Uint8Array): Uint8Array {
  return hash('sha256', key, 'buffer').subarray(0, ID_BYTES);
}

/** `idText` of a key's id, on the way that grants take. */
export function idTextOfKey(key: Uint8Array): string {
  return hash('sha256', key, 'binary').slice(0, ID_BYTES);
}

/** An id as a string of 16 characters, one a byte: small and quick as the key of a map. */
export function idText(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}

/** The id back from `idText`. */
export function idBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
