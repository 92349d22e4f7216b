/**
 * Tickets: what the pool signs for the holder of a seat, so that another server can judge a claim
 * when the one that issued it is gone (DESIGN section 7). To the client they are opaque bytes:
 * a MAC under the pool's secret, then what it vouches for.
 */
import { decode, encode } from './codec.ts';
import { LmError } from './errors.ts';
import type { Terms } from './key-record.ts';
import { Seal, type SealSubject } from './seal.ts';

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
  readonly #seal = new Seal('lm-ticket-v1');
  /** What tickets say beyond id and holder. */
  readonly #said = new WeakMap<Terms, { readonly session: number; readonly bytes: Uint8Array }>();

  /** `server` is the issuing server's id. */
  constructor(server: string) {
    this.#server = server;
  }

  /** `session`: index of this server's newest return. What was opened later it says nothing of. */
  mint(secret: Uint8Array, session: number, { id, terms, holder }: TicketSubject): Uint8Array {
    return this.#seal.sign(secret, id, holder.instance, this.#saidOf(terms, session));
  }

  /** What a ticket says of a key and its holder, or null where the pool did not sign it so. */
  read(secret: Uint8Array, ticket: Uint8Array, subject: SealSubject): TicketClaims | null {
    const said = this.#seal.open(secret, ticket, subject);
    return said === null ? null : claimsIn(said);
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
