/** What clients are told of seats: granted, alive, denied, gone. */
import type { Client } from './client.ts';
import type { Denial } from './denial.ts';
import type { Outbox } from './effects.ts';
import { assert } from './errors.ts';
import { MessageType } from './messages.ts';
import { contactOf } from './pool/contact.ts';
import type { Pool } from './pool/pool.ts';
import type { Rows } from './rows.ts';
import type { TicketMint, TicketSubject } from './ticket.ts';

const { grant, denied, alive, gone } = MessageType;

export class Replies {
  readonly #pool: Pool;
  readonly #rows: Rows;
  readonly #outbox: Outbox;
  readonly #mint: TicketMint;

  constructor(parts: {
    readonly pool: Pool;
    readonly rows: Rows;
    readonly outbox: Outbox;
    readonly mint: TicketMint;
  }) {
    this.#pool = parts.pool;
    this.#rows = parts.rows;
    this.#outbox = parts.outbox;
    this.#mint = parts.mint;
  }

  /** `lifetimeMs`: how long it is the client's from when it asked. */
  grant(client: Client, sequence: number, seat: TicketSubject, lifetimeMs: number): void {
    const { vendor, application, version } = this.#rows.of(seat.terms.license).named;
    this.#outbox.reply(client, [
      grant,
      sequence,
      this.#ticket(seat),
      lifetimeMs,
      vendor,
      application,
      version,
      seat.terms.count,
      this.#pool.state.rlf.sequence,
    ]);
  }

  alive(client: Client, sequence: number, seat: TicketSubject): void {
    const { sequence: rlfSequence } = this.#pool.state.rlf;
    const ticket = this.#ticket(seat);
    this.#outbox.reply(client, [alive, sequence, ticket, seat.terms.lifetimeMs, rlfSequence]);
  }

  /** With the majority rule in numbers, whatever the reason is. */
  denied(client: Client, sequence: number, { code, message, hint, details }: Denial): void {
    const all = { ...details, majority: contactOf(this.#pool) };
    this.#outbox.reply(client, [denied, sequence, code, message, hint, all]);
  }

  gone(client: Client, sequence: number, { code, message, hint }: Denial): void {
    this.#outbox.reply(client, [gone, sequence, code, message, hint]);
  }

  #ticket(seat: TicketSubject): Uint8Array {
    const { state, session } = this.#pool;
    const { current } = state.secrets;
    assert(current !== null && session !== null, 'a server issues only once it returned');
    return this.#mint.mint(current, session, seat);
  }
}
