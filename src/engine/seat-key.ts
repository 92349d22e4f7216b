/** The secrets of a seat: the holder's key, its public id, and the ticket that the pool signs. */
import { createHmac, hash } from 'node:crypto';

export const KEY_BYTES = 16;
export const ID_BYTES = 16;
export const TICKET_BYTES = 16;

/** The public id of a key: the first 16 bytes of its SHA-256. */
export function keyId(key: Uint8Array): Uint8Array {
  return hash('sha256', key, 'buffer').subarray(0, ID_BYTES);
}

/** An id as a string of 16 characters, one a byte: small and quick as the key of a map. */
export function idText(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}

/** The id back from `idText`. */
export function idBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** What a ticket vouches for; a claim after a fail-over is judged by it (DESIGN section 7). */
export interface TicketClaims {
  /** `idText` of the key. */
  readonly id: string;
  readonly license: string;
  readonly count: number;
  /** The issuing server's id (fingerprint). */
  readonly server: string;
  /** How often that server was opened. */
  readonly generation: number;
  /** The client instance, 16 bytes, as `idText` gives them. */
  readonly holder: string;
}

/** The first 16 bytes of an HMAC-SHA256 under the pool's secret. */
export function ticketOf(secret: Uint8Array, claims: TicketClaims): Uint8Array {
  const { id, license, count, server, generation, holder } = claims;
  // Ids have one length and the numbers none of the separators, so no two claims read alike.
  const text = `lm-ticket-v1${id}${holder}${count},${generation},${server},${license}`;
  return createHmac('sha256', secret).update(text).digest().subarray(0, TICKET_BYTES);
}
