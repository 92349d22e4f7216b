/**
 * Tickets: what the pool signs for the holder of a seat, so that another server can judge a claim
 * when the one that issued it is gone (DESIGN section 7). To the client they are opaque bytes:
 * a MAC under the pool's secret, then what it vouches for.
 */
import { createHmac } from 'node:crypto';
import { encode } from './codec.ts';
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

/** Makes the tickets of one server. */
export class TicketMint {
  readonly #server: string;
  /** What tickets say beyond id and holder. */
  readonly #said = new WeakMap<
    Terms,
    { readonly generation: number; readonly bytes: Uint8Array }
  >();
  readonly #signed = Buffer.alloc(DOMAIN.length + 2 * ID_BYTES);

  /** `server` is the issuing server's id. */
  constructor(server: string) {
    this.#server = server;
    DOMAIN.copy(this.#signed);
  }

  /** `generation`: how often this server was opened. */
  mint(secret: Uint8Array, generation: number, { id, terms, holder }: TicketSubject): Uint8Array {
    const said = this.#saidOf(terms, generation);
    // Id and holder have one length each, so no two subjects are signed as the same bytes.
    this.#signed.write(id, DOMAIN.length, 'latin1');
    this.#signed.write(holder.instance, DOMAIN.length + ID_BYTES, 'latin1');
    const mac = createHmac('sha256', secret).update(this.#signed).update(said).digest('latin1');
    const ticket = Buffer.allocUnsafe(MAC_BYTES + said.length);
    ticket.write(mac, 0, MAC_BYTES, 'latin1');
    ticket.set(said, MAC_BYTES);
    return ticket;
  }

  #saidOf(terms: Terms, generation: number): Uint8Array {
    const known = this.#said.get(terms);
    if (known !== undefined && known.generation === generation) return known.bytes;
    const { license, count, lifetimeMs } = terms;
    const bytes = encode([license, count, lifetimeMs, this.#server, generation]);
    this.#said.set(terms, { generation, bytes });
    return bytes;
  }
}
