/**
 * Tickets: what the pool signs for the holder of a seat, so that another server can judge a claim
 * when the one that issued it is gone (DESIGN section 7). To the client they are opaque bytes:
 * a MAC under the pool's secret, then what it vouches for.
 */
import { createHmac } from 'node:crypto';
import { encode } from './codec.ts';
import { ID_BYTES } from './seat-key.ts';

const MAC_BYTES = 16;
const DOMAIN = Buffer.from('lm-ticket-v1', 'latin1');
export const TICKET_BYTES_MAX = 1_024;

/** A seat as its ticket names it. */
export interface TicketSubject {
  /** `idText` of the key. */
  readonly id: string;
  readonly license: string;
  readonly count: number;
  readonly lifetimeMs: number;
  /** The client instance that holds it, as `idText` gives its 16 bytes. */
  readonly instance: string;
}

/** Makes the tickets of one server. */
export class TicketMint {
  readonly #server: string;
  /** What tickets of a license say beyond id and holder, for the count last asked for. */
  readonly #said = new Map<string, { readonly of: string; readonly bytes: Uint8Array }>();
  readonly #signed = Buffer.alloc(DOMAIN.length + 2 * ID_BYTES);

  /** `server` is the issuing server's id. */
  constructor(server: string) {
    this.#server = server;
    DOMAIN.copy(this.#signed);
  }

  /** `generation`: how often this server was opened. */
  mint(secret: Uint8Array, generation: number, subject: TicketSubject): Uint8Array {
    const said = this.#saidOf(subject, generation);
    // Id and holder have one length each, so no two subjects are signed as the same bytes.
    this.#signed.write(subject.id, DOMAIN.length, 'latin1');
    this.#signed.write(subject.instance, DOMAIN.length + ID_BYTES, 'latin1');
    const mac = createHmac('sha256', secret).update(this.#signed).update(said).digest();
    const ticket = new Uint8Array(MAC_BYTES + said.length);
    ticket.set(mac.subarray(0, MAC_BYTES));
    ticket.set(said, MAC_BYTES);
    return ticket;
  }

  #saidOf({ license, count, lifetimeMs }: TicketSubject, generation: number): Uint8Array {
    const of = `${count},${lifetimeMs},${generation}`;
    const known = this.#said.get(license);
    if (known !== undefined && known.of === of) return known.bytes;
    const bytes = encode([license, count, lifetimeMs, this.#server, generation]);
    this.#said.set(license, { of, bytes });
    return bytes;
  }
}
