/**
 * Heartbeats and releases for keys that this server does not hold (DESIGN section 7). Where the
 * key's server is up it gets them; where it is fenced, the client may claim its seat for this
 * server (FIG. 10 and 11): out of a seat of its own, or else with the seat.
 */
import type { Client } from './client.ts';
import { type Denial, evicted, noMajority } from './denial.ts';
import type { Outbox } from './effects.ts';
import { holderOf } from './key-record.ts';
import type { ClaimedKey, Proposal } from './ledger/entries.ts';
import type { Applied } from './ledger/state.ts';
import { type CoreMessage, type Heartbeat, MessageType, type Release } from './messages.ts';
import type { Pool } from './pool/pool.ts';
import type { Relays } from './relays.ts';
import type { Row } from './row.ts';
import type { Rows } from './rows.ts';
import { idTextOfKey } from './seat-key.ts';
import type { TicketClaims, TicketMint } from './ticket.ts';
import type { Time } from './time.ts';

const { gone, fenced, released } = MessageType;

/** A claim that is proposed and not applied. */
interface Claim {
  readonly id: string;
  /** Who is to be answered; the last one who asked. */
  client: Client;
  message: Heartbeat | Release;
}

/** Where the key of a ticket is. */
type Found =
  | { readonly at: 'nowhere' | 'here' }
  | { readonly at: 'up' | 'down'; readonly server: string }
  | { readonly at: 'fenced'; readonly server: string; readonly fence: number };

export class Elsewhere {
  readonly #pool: Pool;
  readonly #rows: Rows;
  readonly #relays: Relays;
  readonly #outbox: Outbox;
  readonly #mint: TicketMint;
  /** By id, and by the number of the proposal. */
  readonly #claims = new Map<string, Claim>();
  readonly #byNumber = new Map<number, Claim>();

  constructor(parts: {
    readonly pool: Pool;
    readonly rows: Rows;
    readonly relays: Relays;
    readonly outbox: Outbox;
    readonly mint: TicketMint;
  }) {
    this.#pool = parts.pool;
    this.#rows = parts.rows;
    this.#relays = parts.relays;
    this.#outbox = parts.outbox;
    this.#mint = parts.mint;
  }

  heartbeat(client: Client, message: Heartbeat, time: Time): void {
    const id = idTextOfKey(message[2]);
    const known = this.#claims.get(id);
    if (known !== undefined) {
      if (known.message[0] === MessageType.release) return;
      known.client = client;
      known.message = message;
      return;
    }
    const ticket = this.#ticketOf(id, client, message[3]);
    const row = ticket === null ? undefined : this.#rows.get(ticket.license);
    if (row !== undefined && this.#pool.state.evicted.has(id)) {
      // One that was evicted can be given back, and no more.
      const { code, message: said, hint } = evicted(row);
      this.#outbox.reply(client, [gone, message[1], code, said, hint]);
      return;
    }
    const found: Found = ticket === null ? { at: 'nowhere' } : this.#find(id, ticket);
    if (ticket !== null && found.at === 'fenced') {
      const { server, fence } = found;
      if ((message[4] ?? null) !== fence) {
        const name = this.#pool.nameOf(server);
        this.#outbox.reply(client, [fenced, message[1], fence, name]);
        return;
      }
      this.#claim(client, message, { id, ticket, server, fence });
      return;
    }
    if (found.at === 'up' && this.#relays.pass(found.server, client, message, time.boot)) return;
    const isSomewhere = found.at === 'up' || found.at === 'down';
    this.#outbox.reply(client, isSomewhere ? busy(message[1]) : unknown(message[1]));
  }

  /** A key that ends: its seat is free once its server is back, or opened. */
  release(client: Client, message: Release, time: Time): void {
    const [, sequence, key] = message;
    const id = idTextOfKey(key);
    const claim = this.#claims.get(id);
    if (claim !== undefined) {
      // It is on its way here, and ends once it has come.
      claim.client = client;
      claim.message = message;
      return;
    }
    const ticket = this.#ticketOf(id, client, message[3]);
    const found: Found = ticket === null ? { at: 'nowhere' } : this.#find(id, ticket);
    if (found.at === 'up' && this.#relays.pass(found.server, client, message, time.boot)) return;
    let count = 0;
    if (ticket !== null && found.at === 'fenced') {
      const { server, fence } = found;
      const { license } = ticket;
      const claimed = claimedKey(id, client, { ticket, since: time.wall });
      const proposal = { license, key: claimed, server, fence, released: true } as const;
      const number = this.#pool.propose({ type: 'end', ...proposal });
      if (number !== null) count = ticket.count;
    }
    this.#outbox.reply(client, [released, sequence, count > 0, count]);
  }

  /** An own proposal is applied, void or not: who waits for it is answered. */
  applied({ entry, valid }: Applied, again: (claim: Claim) => void): void {
    const number = this.#pool.ownNumber(entry) ?? 0;
    const claim = this.#byNumber.get(number);
    if (claim === undefined) return;
    this.#byNumber.delete(number);
    this.#claims.delete(claim.id);
    // Void: the key is somewhere else meanwhile, and the client is told where, not let in unasked.
    if (!valid && claim.message[0] === MessageType.heartbeat) {
      claim.message = withoutFence(claim.message);
    }
    again(claim);
  }

  /** What was proposed up to this number is over, and how is not known: its clients ask again. */
  over(proposal: number): void {
    for (const [number, claim] of this.#byNumber) {
      if (number > proposal) return;
      this.#byNumber.delete(number);
      this.#claims.delete(claim.id);
      this.#outbox.reply(claim.client, busy(claim.message[1]));
    }
  }

  #ticketOf(id: string, { instance }: Client, ticket: Uint8Array): TicketClaims | null {
    for (const secret of this.#pool.state.secrets.all()) {
      const claims = this.#mint.read(secret, ticket, { id, instance });
      if (claims !== null) return claims;
    }
    return null;
  }

  #find(id: string, ticket: TicketClaims): Found {
    const { state } = this.#pool;
    // Granted by what this server has not applied yet: the others know more.
    if (ticket.session > state.applied) return { at: 'down', server: ticket.server };
    const accounts = state.accounts.get(ticket.license);
    const place = state.moved.whereabouts(id, ticket.server);
    if (place === null || accounts === undefined) return { at: 'nowhere' };
    const { server } = place;
    // What was granted before its server's seats were opened has ended.
    const since = Math.max(place.since, server === ticket.server ? ticket.session : 0);
    if ((accounts.opened.get(server) ?? 0) > since) return { at: 'nowhere' };
    if (server === this.#pool.server) return { at: 'here' };
    const known = state.servers.get(server);
    if (known !== undefined && known.session === null && known.fence !== null) {
      // Granted after that fence? Then this server lags behind.
      if (since > known.fence) return { at: 'down', server };
      return { at: 'fenced', server, fence: known.fence };
    }
    return { at: this.#pool.isUp(server) ? 'up' : 'down', server };
  }

  #claim(client: Client, message: Heartbeat, { id, ticket, server, fence }: ClaimSubject): void {
    if (this.#pool.isLeaving) {
      // It takes on no seats any more: the client goes on to the next server.
      this.#outbox.reply(client, goneFor(message[1], noMajority(this.#pool)));
      return;
    }
    const row = this.#rows.get(ticket.license);
    const { count, license } = ticket;
    if (row === undefined) {
      this.#outbox.reply(client, unknown(message[1]));
      return;
    }
    const key = claimedKey(id, client, { ticket, since: this.#pool.time.wall });
    // A server on its way out gives its seats away, too: what is left there keeps it in the pool.
    const usesOwn = this.#pool.state.members.lists(server) && this.#hasOwn(row, count);
    const proposal: Proposal = usesOwn
      ? { type: 'end', license, key, server, fence, released: false }
      : {
          type: 'move',
          license,
          from: server,
          to: this.#pool.server,
          count,
          claim: { key, fence },
        };
    const outgoing = proposal.type === 'end' ? count : 0;
    const number = this.#rows.propose(row, proposal, outgoing);
    if (number === null) {
      this.#outbox.reply(client, busy(message[1]));
      return;
    }
    const claim = { id, client, message };
    this.#claims.set(id, claim);
    this.#byNumber.set(number, claim);
  }

  /** A seat that nobody waits for and that is owed to nobody. */
  #hasOwn(row: Row, count: number): boolean {
    return row.accounts.deficit === 0 && row.line.length === 0 && row.available >= count;
  }
}

interface ClaimSubject {
  readonly id: string;
  readonly ticket: TicketClaims;
  readonly server: string;
  readonly fence: number;
}

function claimedKey(
  id: string,
  client: Client,
  { ticket, since }: { readonly ticket: TicketClaims; readonly since: number },
): ClaimedKey {
  const { user, host, pid, address, instance } = holderOf(client);
  const { count, lifetimeMs } = ticket;
  return { id, count, lifetimeMs, since, holder: [user, host, pid, address, instance] };
}

function withoutFence([type, sequence, key, ticket]: Heartbeat): Heartbeat {
  return [type, sequence, key, ticket];
}

export function unknown(sequence: number): CoreMessage {
  const said = 'The seat has ended: it was released, or not heard of for its lifetime.';
  return [gone, sequence, 'unknown-key', said, 'Ask for a new seat.'];
}

export function goneFor(sequence: number, { code, message, hint }: Denial): CoreMessage {
  return [gone, sequence, code, message, hint];
}

export function busy(sequence: number): CoreMessage {
  const said = 'The server that holds this seat does not answer, and is not given up yet.';
  return [gone, sequence, 'busy', said, 'Ask again in a moment.'];
}
