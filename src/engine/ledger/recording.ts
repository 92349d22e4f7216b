/** What entries do to records: seats held, commuted, given back, written off, and over. */
import { commuteEnd, commuterSeatsMax } from '../license/commuter-terms.ts';
import { MOVED_KEPT_MS } from '../limits.ts';
import { type Accounts, FREE_POOL, moveSeats, RECORDS } from './accounts.ts';
import type { Author, Commute, Entry, Proposal } from './entries.ts';
import { type Commuted, endsBy, type HeldSeat } from './held-seats.ts';
import type { LedgerState } from './state.ts';

export type RecordProposal = Extract<
  Proposal,
  { type: 'record' | 'record-renew' | 'record-take' | 'record-end' }
>;

type Records = Pick<LedgerState, 'accounts' | 'evicted' | 'held' | 'mark' | 'table'>;

/** A proposal in its place. */
interface Recorded<P> {
  readonly index: number;
  readonly proposal: P;
  readonly by: Author;
}

/** False, and nothing changed, where the entry is void. */
export function applyRecord(
  state: Records,
  accounts: Accounts,
  { index, proposal, by }: Recorded<RecordProposal>,
): boolean {
  if (proposal.type === 'record') return enter(state, accounts, { index, proposal, by });
  const id = 'key' in proposal ? proposal.key.id : proposal.id;
  const held = state.held.get(id);
  if (held === undefined || held.license !== accounts.license) return false;
  if (proposal.type === 'record-end') {
    return endsBy(held, proposal) && giveBack(state, accounts, held);
  }
  // A commuted seat is used by its file until its end, and not by heartbeats.
  if (state.evicted.has(id) || held.commute !== null) return false;
  if (proposal.type === 'record-renew') {
    state.held.set({ ...held, index });
    return true;
  }
  const { count } = held.key;
  if (proposal.key.count !== count) return false;
  if (!moveSeats(accounts, { from: RECORDS, to: by.server, count })) return false;
  state.held.delete(held);
  return true;
}

function enter(
  state: Records,
  accounts: Accounts,
  { index, proposal, by }: Recorded<RecordProposal & { type: 'record' }>,
): boolean {
  const { license, key } = proposal;
  const leaving = proposal.commute ?? null;
  // What ended for good, by its holder or an administrator, does not come again by a late entry.
  if (state.held.get(key.id) !== undefined || state.evicted.has(key.id)) return false;
  const commute = leaving === null ? null : commuted(state, license, leaving, key.count);
  if (commute === 'void') return false;
  if (!moveSeats(accounts, { from: by.server, to: RECORDS, count: key.count })) return false;
  state.held.set({ license, key, server: by.server, index, commute, writtenOff: false });
  return true;
}

/** Decided here, where all servers agree on who is away already, and on the time. */
function commuted(
  { table, mark, held }: Records,
  id: string,
  { days, machine }: Commute,
  count: number,
): Commuted | 'void' {
  const license = table.byId(id);
  if (license === null) return 'void';
  if (held.commuted(id) + count > commuterSeatsMax(license, { days, mark })) return 'void';
  return { days, machine, end: commuteEnd(license, { days, mark }) };
}

function giveBack(state: Records, accounts: Accounts, held: HeldSeat): boolean {
  const { id, count } = held.key;
  if (!moveSeats(accounts, { from: RECORDS, to: FREE_POOL, count })) return false;
  state.held.delete(held);
  if (held.commute !== null) state.evicted.set(id, state.mark + MOVED_KEPT_MS);
  return true;
}

/** Licenses of which commuted seats came back, since their end is long enough past. */
export function endCommutes(state: Records): string[] {
  return state.held.over(state.mark).flatMap((held) => {
    const accounts = state.accounts.get(held.license);
    return accounts !== undefined && giveBack(state, accounts, held) ? [held.license] : [];
  });
}

/**
 * A key that an administrator ends. A commuted seat is used by its file whatever the pool says: it
 * is free at its end, or at once where that is forced. Returns licenses whose seats came back.
 */
export function evict(state: Records, { id, force }: Entry & { type: 'evict' }): Set<string> {
  const held = state.held.get(id);
  if (held === undefined || held.commute === null) {
    state.evicted.set(id, state.mark + MOVED_KEPT_MS);
    return new Set();
  }
  const accounts = state.accounts.get(held.license);
  if (force !== true || accounts === undefined) {
    state.held.set({ ...held, writtenOff: true });
    return new Set();
  }
  return new Set(giveBack(state, accounts, held) ? [held.license] : []);
}
