/**
 * Tickets: what the pool signs for the holder of a seat, so that another server can judge a claim
 * when the one that issued it is gone (DESIGN section 7). To the client they are opaque bytes:
 * a MAC under the pool's secret, then what it vouches for.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { decode, encode } from './codec.ts';
import { LmError } from './errors.ts';
import type { Terms } from './key-record.ts';
import { ID_BYTES } from './seat-key.ts';

const MAC_BYTES = 16;
const DOMAIN = Buffer.from('lm-ticket-v1', 'latin1');
export const TICKET_BYTES_MAX = 1_024;

/** A seat as its ticket names it. */
export interface TicketSubject {
  /** `idText` of the key. */
  readonly id: string;
  readonly terms: Terms;
  readonly holder: { readonly instance: string };
}

/** What the pool signed: seats, and the server and the session that granted them. */
export interface TicketClaims extends Terms {
  readonly server: string;
  readonly session: number;
}

/** Makes the tickets of one server, and reads those of all. */
export class TicketMint {
  readonly #server: string;
  /** What tickets say beyond id and holder. */
  readonly #said = new WeakMap<Terms, { readonly session: number; readonly bytes: Uint8Array }>();
  readonly #signed = Buffer.alloc(DOMAIN.length + 2 * ID_BYTES);

  /** `server` is the issuing server's id. */
  constructor(server: string) {
    this.#server = server;
    DOMAIN.copy(this.#signed);
  }

  /** `session`: index of this server's newest return. What was opened later it says nothing of. */
  mint(secret: Uint8Array, session: number, { id, terms, holder }: TicketSubject): Uint8Array {
    const said = this.#saidOf(terms, session);
    // Id and holder have one length each, so no two subjects are signed as the same bytes.
    this.#signed.write(id, DOMAIN.length, 'latin1');
    this.#signed.write(holder.instance, DOMAIN.length + ID_BYTES, 'latin1');
    const mac = createHmac('sha256', secret).update(this.#signed).update(said).digest('latin1');
    const ticket = Buffer.allocUnsafe(MAC_BYTES + said.length);
    ticket.write(mac, 0, MAC_BYTES, 'latin1');
    ticket.set(said, MAC_BYTES);
    return ticket;
  }

  /** What a ticket says of a key and its holder, or null where the pool did not sign it so. */
  read(
    secret: Uint8Array,
    ticket: Uint8Array,
    { id, instance }: { readonly id: string; readonly instance: string },
  ): TicketClaims | null {
    if (ticket.length <= MAC_BYTES) return null;
    const said = ticket.subarray(MAC_BYTES);
    this.#signed.write(id, DOMAIN.length, 'latin1');
    this.#signed.write(instance, DOMAIN.length + ID_BYTES, 'latin1');
    const mac = createHmac('sha256', secret).update(this.#signed).update(said).digest();
    const isSigned = timingSafeEqual(mac.subarray(0, MAC_BYTES), ticket.subarray(0, MAC_BYTES));
    return isSigned ? claimsIn(said) : null;
  }

  #saidOf(terms: Terms, session: number): Uint8Array {
    const known = this.#said.get(terms);
    if (known !== undefined && known.session === session) return known.bytes;
    const { license, count, lifetimeMs } = terms;
    const bytes = encode([license, count, lifetimeMs, this.#server, session]);
    this.#said.set(terms, { session, bytes });
    return bytes;
  }
}

/** An older version may have signed other fields: they vouch for nothing here. */
function claimsIn(said: Uint8Array): TicketClaims | null {
  try {
    const fields = decode(said);
    if (!Array.isArray(fields)) return null;
    const [license, count, lifetimeMs, server, session] = fields as unknown[];
    if (typeof license !== 'string' || typeof server !== 'string') return null;
    if (typeof count !== 'number' || typeof lifetimeMs !== 'number') return null;
    return typeof session === 'number' ? { license, count, lifetimeMs, server, session } : null;
  } catch (error) {
    if (error instanceof LmError) return null;
    throw error;
  }
}
