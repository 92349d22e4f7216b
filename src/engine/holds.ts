/**
 * Seats without heartbeats: records in the ledger, so that they outlive any server. Whoever has the
 * key gives them back, at any server. Those that are held (`--hold`, DESIGN section 8) are renewed,
 * or taken over as an ordinary seat, and end when every server that timed them thinks so; those
 * that are commuted (section 10) end by the ledger's mark.
 */
import type { Client } from './client.ts';
import { chooseLeaving, commuteOver, leavingDenial } from './commuting.ts';
import { type Denial, evicted, expired, type Wish } from './denial.ts';
import type { Outbox } from './effects.ts';
import { busy } from './elsewhere.ts';
import { holderOf } from './key-record.ts';
import { deadlineOf } from './key-table.ts';
import type { ClaimedKey, Proposal } from './ledger/entries.ts';
import type { HeldSeat } from './ledger/held-seats.ts';
import type { Applied } from './ledger/state.ts';
import type { Waiter } from './line.ts';
import {
  type CommuteFields,
  type CoreMessage,
  type Heartbeat,
  MessageType,
  type Release,
  type Request,
} from './messages.ts';
import type { Pool } from './pool/pool.ts';
import type { Replies } from './replies.ts';
import type { Row } from './row.ts';
import type { Rows } from './rows.ts';
import { idTextOfKey } from './seat-key.ts';
import type { TicketSubject } from './ticket.ts';
import type { Time } from './time.ts';

const { gone, released } = MessageType;

/** Who is to be answered once a proposal about held seats is applied. */
interface Asked {
  readonly client: Client;
  readonly sequence: number;
  readonly id: string;
  readonly count: number;
  readonly answer: 'grant' | 'alive' | 'released';
  /** That they are to leave the network, and of which license. */
  readonly leaving?: { readonly row: Row; readonly commute: CommuteFields };
}

type AskedBy = Pick<Asked, 'client' | 'sequence'>;

/** A record whose end was proposed, and is not applied by then, is looked at again. */
const RETRY_MS = 1_000;

export class Holds {
  readonly #pool: Pool;
  readonly #rows: Rows;
  readonly #outbox: Outbox;
  readonly #replies: Replies;
  /** When each record is over by this server's clock; timed from its own applying. */
  readonly #ends = new Map<string, number>();
  readonly #asked = new Map<number, Asked>();
  /** Records that are being entered, by id: a retry waits for them. */
  readonly #entering = new Set<string>();
  #nextDue = Number.POSITIVE_INFINITY;

  constructor(parts: {
    readonly pool: Pool;
    readonly rows: Rows;
    readonly outbox: Outbox;
    readonly replies: Replies;
  }) {
    this.#pool = parts.pool;
    this.#rows = parts.rows;
    this.#outbox = parts.outbox;
    this.#replies = parts.replies;
  }

  get(id: string): HeldSeat | undefined {
    return this.#pool.state.held.get(id);
  }

  isEntering(id: string): boolean {
    return this.#entering.has(id);
  }

  /** A retry, while the record is being entered: it is answered instead. */
  again(id: string, { client, sequence }: AskedBy): void {
    for (const [number, asked] of this.#asked) {
      if (asked.id === id) this.#asked.set(number, { ...asked, client, sequence });
    }
  }

  /** A heartbeat for held seats; false where there are none under this key. */
  heartbeat(client: Client, message: Heartbeat, time: Time): boolean {
    const sequence = message[1];
    const held = this.get(idTextOfKey(message[2]));
    if (held === undefined) return false;
    const row = this.#rows.of(held.license);
    if (held.commute !== null) this.#outbox.reply(client, away(sequence));
    else if (this.#pool.state.evicted.has(held.key.id)) this.#outbox.reply(client, ended(sequence));
    else if (row.isStopped) this.#replies.gone(client, sequence, expired(row));
    else if (message[5] === true) this.take(held, { client, sequence }, time);
    else this.renew(held, { client, sequence }, 'alive');
    return true;
  }

  /** When a record is over, boot-time clock. */
  endOf(id: string): number {
    return this.#ends.get(id) ?? Number.POSITIVE_INFINITY;
  }

  get nextDue(): number {
    return this.#pool.leads ? this.#nextDue : Number.POSITIVE_INFINITY;
  }

  /** At the start, and after a snapshot: what is known of is timed from now. */
  timeAll(now: number): void {
    this.#ends.clear();
    this.#nextDue = Number.POSITIVE_INFINITY;
    for (const held of this.#pool.state.held.values()) this.#time(held, now);
  }

  /** Seats that may leave the network, or why there are none. */
  chooseLeaving(wish: Wish, [days]: CommuteFields): Row | Denial {
    const licensed = this.#pool.state.table.byApplication(wish.application);
    const leaving = this.#leaving(days, wish.count);
    return chooseLeaving(wish, { licensed, rows: this.#rows }, leaving);
  }

  /** Seats of this server's row are to be held, or to leave, for who waits for them. */
  enter(row: Row, waiter: Waiter, time: Time): void {
    const { id, count, client, holdMs, sequence } = waiter;
    const asked: Asked = { client, sequence, id, count, answer: 'grant' };
    if (waiter.commute === null) {
      const key = heldKey(id, client, { count, lifetimeMs: holdMs, since: time.wall });
      this.#enter(row, { type: 'record', license: row.id, key, commute: null }, asked);
      return;
    }
    const [days, machine] = waiter.commute;
    const commute = { days, machine };
    const key = heldKey(id, client, { count, lifetimeMs: 0, since: time.wall });
    const leaving = { row, commute: waiter.commute };
    this.#enter(row, { type: 'record', license: row.id, key, commute }, { ...asked, leaving });
  }

  #enter(row: Row, proposal: Proposal, asked: Asked): void {
    if (this.#propose(row, proposal, asked)) this.#entering.add(asked.id);
  }

  /** A request for what is in a record already: it is answered like the first. */
  retried(held: HeldSeat, client: Client, message: Request): void {
    const by = { client, sequence: message[1] };
    const isLeaving = (message[10] ?? null) !== null;
    const row = this.#rows.of(held.license);
    if (held.writtenOff) this.#replies.denied(by.client, by.sequence, evicted(row));
    else if (this.#isOver(held)) this.#replies.denied(by.client, by.sequence, commuteOver(row));
    else if (held.commute === null && row.isStopped)
      this.#replies.denied(by.client, by.sequence, expired(row));
    else if (held.commute === null) this.renew(held, by, 'grant');
    else if (isLeaving) this.#grant(held, by);
    else
      this.#replies.denied(by.client, by.sequence, {
        code: AWAY[0],
        message: AWAY[1],
        hint: AWAY[2],
        details: {},
      });
  }

  /** Held anew from now on: for a retry, which is answered like the first, or a heartbeat. */
  renew({ license, key }: HeldSeat, by: AskedBy, answer: 'grant' | 'alive'): void {
    const { id, count } = key;
    const proposal = { type: 'record-renew', license, id } as const;
    this.#propose(this.#rows.of(license), proposal, { ...by, id, count, answer });
  }

  /** They become an ordinary seat of this server, kept alive by heartbeats. */
  take({ license, key }: HeldSeat, by: AskedBy, time: Time): void {
    const { id, count } = key;
    const row = this.#rows.of(license);
    const lifetimeMs = row.lifetimeMs > 0 ? row.lifetimeMs : key.lifetimeMs;
    const taken = heldKey(id, by.client, { count, lifetimeMs, since: time.wall });
    const proposal = { type: 'record-take', license, key: taken } as const;
    this.#propose(row, proposal, { ...by, id, count, answer: 'alive' });
  }

  /** Gives back what is in a record. False where there is none that this server should know of. */
  release(client: Client, [, sequence, secret, , index = null]: Release): boolean {
    const by = { client, sequence };
    const held = this.get(idTextOfKey(secret));
    if (held !== undefined) this.#giveBack(held, by);
    else if (index === null) return false;
    else if (index > this.#pool.state.applied) this.#outbox.reply(client, behind(sequence));
    else this.#outbox.reply(client, [released, sequence, false, 0]);
    return true;
  }

  #giveBack({ license, key }: HeldSeat, by: AskedBy): void {
    const { id, count } = key;
    const proposal = { type: 'record-end', license, id, since: null } as const;
    this.#propose(this.#rows.of(license), proposal, { ...by, id, count, answer: 'released' });
  }

  /** The leader ends those whose time is over. */
  tick(now: number): void {
    if (!this.#pool.leads || now < this.#nextDue) return;
    this.#nextDue = Number.POSITIVE_INFINITY;
    const ending = new Set(
      this.#pool.proposals.pending.map(({ proposal }) => 'id' in proposal && proposal.id),
    );
    for (const [id, end] of this.#ends) {
      const held = this.get(id);
      if (end > now) this.#nextDue = Math.min(this.#nextDue, end);
      else if (held !== undefined && !ending.has(id)) {
        const { license, index: since } = held;
        this.#pool.propose({ type: 'record-end', license, id, since });
        this.#nextDue = Math.min(this.#nextDue, now + RETRY_MS);
      }
    }
  }

  /**
   * An entry is applied: records are timed, and who asked for it is answered; `taken` says that a
   * seat of this server's key table is alive.
   */
  applied({ entry, valid }: Applied, now: number, taken: (asked: Asked) => void): void {
    if (entry === null || !('by' in entry)) return;
    if (valid) this.#follow(entry, now);
    const number = this.#pool.ownNumber(entry) ?? 0;
    const asked = this.#asked.get(number);
    if (asked === undefined) return;
    this.#asked.delete(number);
    this.#entering.delete(asked.id);
    if (valid && entry.type === 'record-take') taken(asked);
    else this.#answer(asked, valid);
  }

  /** What was proposed up to this number is over, and how is not known: its clients ask again. */
  over(proposal: number): void {
    for (const [number, asked] of this.#asked) {
      if (number > proposal) return;
      this.#asked.delete(number);
      this.#entering.delete(asked.id);
      this.#refuse(asked);
    }
  }

  #follow(entry: Proposal, now: number): void {
    if (entry.type === 'record' || entry.type === 'record-renew') {
      const held = this.get(entry.type === 'record' ? entry.key.id : entry.id);
      if (held !== undefined) this.#time(held, now);
    } else if (entry.type === 'record-take') this.#ends.delete(entry.key.id);
    else if (entry.type === 'record-end') this.#ends.delete(entry.id);
  }

  #time({ key, commute }: HeldSeat, now: number): void {
    if (commute !== null) return;
    const end = deadlineOf(now, key.lifetimeMs);
    this.#ends.set(key.id, end);
    this.#nextDue = Math.min(this.#nextDue, end);
  }

  #propose(row: Row, proposal: Proposal, asked: Asked): boolean {
    const outgoing = proposal.type === 'record' ? asked.count : 0;
    const number = this.#rows.propose(row, proposal, outgoing);
    if (number === null) this.#refuse(asked);
    else this.#asked.set(number, asked);
    return number !== null;
  }

  #answer(asked: Asked, valid: boolean): void {
    const { client, sequence, id, count, answer } = asked;
    const held = this.get(id);
    if (answer === 'released') {
      this.#outbox.reply(client, [released, sequence, valid, valid ? count : 0]);
    } else if (!valid || held === undefined) {
      this.#refuse(asked);
    } else if (answer === 'grant') {
      this.#grant(held, asked);
    } else {
      this.#replies.alive(client, sequence, subjectOf(held));
    }
  }

  /** It may be asked for again, which finds out how things stand. */
  #refuse({ client, sequence, id, answer, leaving, count }: Asked): void {
    if (leaving !== undefined && this.#pool.state.evicted.has(id)) {
      this.#replies.denied(client, sequence, evicted(leaving.row));
      return;
    }
    if (leaving !== undefined) {
      const { row, commute } = leaving;
      // Another server may have been asked for the last of them at the same time.
      const about = this.#leaving(commute[0], count);
      const denial = leavingDenial(row, about);
      if (denial !== null) {
        this.#replies.denied(client, sequence, denial);
        return;
      }
    }
    if (answer !== 'grant') {
      this.#outbox.reply(client, busy(sequence));
      return;
    }
    this.#replies.denied(client, sequence, {
      code: 'busy',
      message: 'The pool could not enter the hold in its ledger now.',
      hint: 'Ask again in a moment.',
      details: {},
    });
  }

  #leaving(days: number, count: number) {
    const { mark, held } = this.#pool.state;
    return { days, count, mark, held };
  }

  #grant(held: HeldSeat, { client, sequence }: AskedBy): void {
    this.#replies.grant(client, sequence, subjectOf(held), this.#lifetimeMs(held));
  }

  /** Its end is past, and it has not come back yet. */
  #isOver(held: HeldSeat): boolean {
    return held.commute !== null && this.#lifetimeMs(held) === 0;
  }

  #lifetimeMs({ key, commute }: HeldSeat): number {
    if (commute === null) return key.lifetimeMs;
    return Math.max(0, commute.end - this.#pool.state.mark);
  }
}

/** As tickets name it. */
function subjectOf({ license, key }: HeldSeat): TicketSubject {
  const { id, count, lifetimeMs, holder } = key;
  const [, , , , instance] = holder;
  return { id, terms: { license, count, lifetimeMs }, holder: { instance } };
}

function ended(sequence: number): CoreMessage {
  const said = 'An administrator ended this hold.';
  return [MessageType.gone, sequence, 'evicted', said, 'Ask whoever runs the pool.'];
}

const AWAY = [
  'not-authorized',
  'This seat is commuted: it is used by its file.',
  'Run on it with lm exec --commuter, or give it back with lm commute in.',
] as const;

function away(sequence: number): CoreMessage {
  return [gone, sequence, ...AWAY];
}

function behind(sequence: number): CoreMessage {
  const said = 'This server does not know of the seat yet: it lags behind the pool.';
  return [gone, sequence, 'busy', said, 'Ask again in a moment, or another server.'];
}

function heldKey(
  id: string,
  client: Client,
  terms: { readonly count: number; readonly lifetimeMs: number; readonly since: number },
): ClaimedKey {
  const { user, host, pid, address, instance } = holderOf(client);
  return { id, ...terms, holder: [user, host, pid, address, instance] };
}
