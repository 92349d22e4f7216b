/**
 * What this server proposed and has not seen applied. A leader takes proposals in order of their
 * numbers, so sending one twice does nothing, and none is lost with a leader (DESIGN section 4).
 */
import { assert } from '../errors.ts';
import { encodeProposal, type Proposal } from '../ledger/entries.ts';
import { PROPOSAL_AGAIN_MS, PROPOSALS_MAX, REPORT_PROPOSAL_BYTES_MAX } from '../limits.ts';

export interface Pending {
  readonly number: number;
  readonly proposal: Proposal;
  readonly bytes: Uint8Array;
}

export class Proposals {
  /** Index of this server's return; null outside of a session: then nothing can be proposed. */
  #session: number | null = null;
  /** Invariant: numbers follow each other. */
  #pending: Pending[] = [];
  #next = 1;
  /** Number of the first one that was not sent to this leader yet. */
  #unsent = 1;
  #sentAt = 0;

  get session(): number | null {
    return this.#session;
  }

  get pending(): readonly Pending[] {
    return this.#pending;
  }

  get full(): boolean {
    return this.#pending.length >= PROPOSALS_MAX;
  }

  /** It was proposed in this session, and is not applied. */
  isPending(number: number): boolean {
    return number >= (this.#pending[0]?.number ?? this.#next) && number < this.#next;
  }

  /** The number under which it will be applied, void or not. */
  add(proposal: Proposal): number {
    assert(this.#session !== null, 'only a server that returned proposes');
    const number = this.#next;
    this.#next += 1;
    this.#pending.push({ number, proposal, bytes: encodeProposal(proposal) });
    return number;
  }

  begin(session: number): void {
    this.end();
    this.#session = session;
  }

  /** What is pending is void: no entry of an earlier session applies. */
  end(): void {
    this.#session = null;
    this.#pending = [];
    this.#next = 1;
    this.#unsent = 1;
  }

  applied(number: number): void {
    const first = this.#pending.shift();
    assert(first?.number === number, 'proposals are applied in order, each once');
    this.#unsent = Math.max(this.#unsent, number + 1);
  }

  /** A snapshot took over everything up to this number. */
  appliedTo(number: number): void {
    while ((this.#pending[0]?.number ?? Number.POSITIVE_INFINITY) <= number) {
      this.applied(this.#pending[0]?.number ?? 0);
    }
  }

  /** There is another leader, or the way to it is new: all are sent again. */
  again(): void {
    this.#unsent = this.#pending[0]?.number ?? this.#next;
  }

  /** Something is to be sent now. */
  isDue(now: number): boolean {
    if (this.#pending.length === 0) return false;
    return this.#unsent < this.#next || now >= this.#sentAt + PROPOSAL_AGAIN_MS;
  }

  /** When what was sent and not applied is sent again. */
  get nextDue(): number {
    if (this.#pending.length === 0) return Number.POSITIVE_INFINITY;
    return this.#sentAt + PROPOSAL_AGAIN_MS;
  }

  /** The next ones to send, in order, as many as a report holds. */
  take(now: number): { readonly first: number; readonly bytes: readonly Uint8Array[] } {
    if (this.#unsent >= this.#next && this.isDue(now)) this.again();
    const first = this.#unsent;
    const bytes: Uint8Array[] = [];
    let size = 0;
    for (const one of this.#pending) {
      if (one.number < first) continue;
      size += one.bytes.length;
      if (bytes.length > 0 && size > REPORT_PROPOSAL_BYTES_MAX) break;
      bytes.push(one.bytes);
    }
    if (bytes.length > 0) {
      this.#unsent = first + bytes.length;
      this.#sentAt = now;
    }
    return { first, bytes };
  }
}
