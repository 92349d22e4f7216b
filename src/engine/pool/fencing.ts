/**
 * When a silent server's window has provably ended, and when its keys have (DESIGN section 6). The
 * leader enters both in the ledger; every server times the second from its own applying of the
 * first.
 */
import { type Accounts, longestMs } from '../ledger/accounts.ts';
import type { LogEntry } from '../ledger/entries.ts';
import { lifetimeAt } from '../ledger/lifetime.ts';
import type { LedgerState } from '../ledger/state.ts';
import { CLOCK_DRIFT_MAX, MARGIN_MS, WINDOW_MS } from '../limits.ts';
import type { ServerId } from '../raft/types.ts';

/** The newest entry about a server in the log of this leader, applied or not. */
export type Newest =
  | { readonly type: 'fenced'; readonly index: number }
  | {
      readonly type: 'returned';
      readonly index: number;
      readonly boot: number;
      readonly fence: number | null;
    };

/** After the last ack of a follower, its window has ended. */
export const FENCE_AFTER_ACK_MS = WINDOW_MS * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS;
/** After a new leader is established, so has that of one it has not heard. */
export const FENCE_UNHEARD_MS = 2 * WINDOW_MS * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS;

/** Entries that are in the log and not applied, as far as they tell of servers. */
export class Ahead {
  readonly #newest = new Map<ServerId, Newest>();
  readonly #opening = new Map<ServerId, number>();

  clear(): void {
    this.#newest.clear();
    this.#opening.clear();
  }

  note({ index, entry }: LogEntry): void {
    if (entry?.type === 'fenced') this.#newest.set(entry.server, { type: 'fenced', index });
    else if (entry?.type === 'opened') this.#opening.set(entry.server, index);
    else if (entry?.type === 'returned') {
      const { server, boot, fence } = entry;
      this.#newest.set(server, { type: 'returned', index, boot, fence });
    }
  }

  /** What the log will say of a server once all of it is applied, or null for nothing. */
  newest(server: ServerId, { applied, servers }: LedgerState): Newest | null {
    const ahead = this.#newest.get(server);
    if (ahead !== undefined && ahead.index > applied) return ahead;
    const known = servers.get(server);
    if (known === undefined) return null;
    const { session, boot, fence } = known;
    if (session !== null) return { type: 'returned', index: session, boot, fence };
    return fence === null ? null : { type: 'fenced', index: fence };
  }

  /** An opening of its seats is on its way. */
  isOpening(server: ServerId, { applied }: LedgerState): boolean {
    return (this.#opening.get(server) ?? 0) > applied;
  }
}

export class Openings {
  /** When this server applied the newest fence of each, boot-time clock. */
  readonly #fencedAt = new Map<ServerId, { readonly fence: number; readonly at: number }>();
  /** When the next license of each may be due; looked at no sooner. */
  readonly #nextAt = new Map<ServerId, number>();

  fenced(server: ServerId, fence: number, now: number): void {
    this.#fencedAt.set(server, { fence, at: now });
    this.changed();
  }

  /** Lifetimes or openings changed. */
  changed(): void {
    this.#nextAt.clear();
  }

  nextDue(server: ServerId): number {
    return this.#nextAt.get(server) ?? Number.NEGATIVE_INFINITY;
  }

  /** Licenses of a fenced server whose time is over, sorted. */
  due(server: ServerId, state: LedgerState, now: number): string[] {
    if (this.nextDue(server) > now) return [];
    const licenses: string[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [license, account] of state.accounts) {
      const at = this.at(server, account, state);
      if (at === null) continue;
      if (at <= now) licenses.push(license);
      else next = Math.min(next, at);
    }
    // Those that are due now stay so until their entry is applied, which is told.
    this.#nextAt.set(server, next);
    return licenses.sort();
  }

  /** When one license of a fenced server may be opened; null where it is, or no fence is timed. */
  at(server: ServerId, account: Accounts, { servers, table, mark }: LedgerState): number | null {
    const fence = servers.get(server)?.fence ?? null;
    const timed = this.#fencedAt.get(server);
    if (fence === null || timed?.fence !== fence) return null;
    if ((account.opened.get(server) ?? 0) > fence) return null;
    // Before the first mark nobody knows which codes hold, and so how long keys live.
    if (mark === 0) return null;
    const lifetimeMs = longestMs(account, server, lifetimeAt(table.byId(account.license), mark));
    return timed.at + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS;
  }
}
