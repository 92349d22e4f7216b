/**
 * One license as this server sees it: its row of the distribution table (FIG. 5), and the line.
 *
 * Invariant: inUse + outgoing <= allocated, unless a lower hard limit left a deficit elsewhere.
 */

import type { Terms } from './key-record.ts';
import { type Accounts, balance } from './ledger/accounts.ts';
import { type License, licenseOfKey } from './license/distribution.ts';
import type { TableLicense } from './license/license-table.ts';
import { Line, type Waiter } from './line.ts';
import type { Usage } from './pool/report.ts';
import type { LineWord } from './pool/word.ts';

export class Row {
  readonly id: string;
  readonly accounts: Accounts;
  /** Null once an RLF no longer names the license and only its old keys are left. */
  license: TableLicense | null;
  readonly line = new Line();
  /** Seats that this server may issue: its row in the ledger. */
  allocated = 0;
  /** Seats of the keys that live here. */
  inUse = 0;
  /** Seats given up here, by an entry that is not applied yet. */
  outgoing = 0;
  /** Seats of the free pool, on their way here. */
  incoming = 0;
  /** By the dates of its codes: whether the license may be used now. */
  phase: 'coming' | 'active' | 'over' = 'over';
  /** L for a key granted now, in milliseconds; 0 while it may not be used. */
  lifetimeMs = 0;
  /** What the leader said last of the pool's line, while there is one. */
  word: LineWord | null = null;

  /** Of the last grant. */
  #terms: Terms;

  constructor(accounts: Accounts) {
    this.id = accounts.license;
    this.#terms = { license: this.id, count: 0, lifetimeMs: 0 };
    this.accounts = accounts;
    this.license = null;
  }

  /** Takes over what the ledger says now. */
  refresh(server: string, license: TableLicense | null, mark: number): void {
    this.license = license;
    this.allocated = balance(this.accounts, server);
    this.phase = license === null ? 'over' : license.phaseAt(mark);
    const usable = license !== null && this.phase === 'active';
    this.lifetimeMs = usable ? license.keyLifetimeMsAt(mark) : 0;
  }

  get available(): number {
    return this.allocated - this.inUse - this.outgoing;
  }

  /** What it is called, also once the RLF in force no longer names it. */
  get named(): Pick<License, 'vendor' | 'application' | 'version'> {
    return this.license ?? licenseOfKey(this.id);
  }

  /**
   * Nobody may run on with its seats. A license that an RLF dropped or lowered lets them run on;
   * one that expired only if its code says so.
   */
  get isStopped(): boolean {
    return this.license !== null && this.phase === 'over' && this.license.onExpiry === 'stop';
  }

  /** The terms of a grant: one object for grants alike, since their bytes are made once. */
  termsOf(count: number, lifetimeMs: number): Terms {
    const { license, count: lastCount, lifetimeMs: lastLifetimeMs } = this.#terms;
    if (count !== lastCount || lifetimeMs !== lastLifetimeMs) {
      this.#terms = { license, count, lifetimeMs };
    }
    return this.#terms;
  }

  /** Seats that this server could issue, counting what it may draw from the free pool. */
  get reachable(): number {
    return this.available + Math.max(0, this.accounts.freePool);
  }

  /** A request may be met on the spot: seats enough, nobody waits, no deficit to be paid first. */
  canIssue(count: number): boolean {
    return this.#open && count <= this.available;
  }

  /** It may be met without waiting for anyone: on the spot, or by drawing from the free pool. */
  hasSeats(count: number): boolean {
    return this.#open && count <= this.reachable;
  }

  get #open(): boolean {
    const nobodyWaits = this.line.length === 0 && (this.word?.othersSince ?? null) === null;
    return this.phase === 'active' && nobodyWaits && this.accounts.deficit === 0;
  }

  /** How many wait elsewhere before one who waits here, as far as the leader says. */
  aheadOf({ since }: Waiter): number {
    const { othersSince = null, ahead = 0 } = this.word ?? {};
    return othersSince === null || since <= othersSince ? 0 : ahead;
  }

  /** Somebody waits here, and came before all who wait at other servers. */
  get headGoesFirst(): boolean {
    const { head } = this.line;
    const othersSince = this.word?.othersSince ?? null;
    return head !== null && (othersSince === null || head.since <= othersSince);
  }

  /** As the leader's picture has it. */
  get usage(): Usage {
    const { id: license, inUse, available, line } = this;
    const { head, length: waiting, seatsWanted: waitingSeats } = line;
    const first = { headCount: head?.count ?? 0, headSince: head?.since ?? null };
    return { license, inUse, available, waiting, waitingSeats, ...first };
  }

  /** Most seats that could ever be issued at once: what is held ends some time, too. */
  get ceiling(): number {
    return this.accounts.hardLimit;
  }
}
