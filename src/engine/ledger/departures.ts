/**
 * What a server leaves behind in the ledger when it leaves the pool (DESIGN sections 5 and 9). It
 * goes once its row is empty or opened, so none of its keys lives; what is left of the row passes
 * to the server that took over its name, or else to the free pool.
 */
import type { Configuration } from '../raft/types.ts';
import { FREE_POOL, moveSeats } from './accounts.ts';
import { takesPart } from './members.ts';
import type { LedgerState } from './state.ts';

/**
 * Others take part in Raft: what is left of those that went passes on, and the pool's secret, which
 * they know, is to be replaced. Returns whether a voter went.
 */
export function reconfigured(state: LedgerState, next: Configuration, index: number): boolean {
  const { voters, learners } = state.configuration;
  const gone = voters.filter((server) => !next.voters.includes(server));
  const isLost = (server: string) => !takesPart(server, next);
  if (voters.some(isLost) || learners.some(isLost)) state.secrets.isStale = true;
  state.configuration = next;
  for (const server of gone) departed(server, index, state);
  settleRows(state);
  state.members.configured(state.holders);
  return gone.length > 0;
}

/**
 * It votes no more. Under the same key it may come back one day: it then finds itself fenced, and
 * everything that it ever granted is over.
 */
function departed(server: string, index: number, { servers, accounts }: LedgerState): void {
  servers.fenced(server, index);
  for (const { opened, longest } of accounts.values()) {
    opened.set(server, index);
    longest.delete(server);
  }
}

/**
 * Where the seats of a server go that is on its way out: an account of each license. That its
 * successor may not have come yet is no loss: its row can be lent like any that lies idle.
 */
export function heirOf(server: string, { members }: LedgerState): string {
  return members.named(members.find(server)?.name ?? '')?.fingerprint ?? FREE_POOL;
}

/** Empties the rows of servers that neither vote nor have a place in the RLF in force. */
export function settleRows(state: LedgerState): void {
  const { accounts, holders, members } = state;
  for (const account of accounts.values()) {
    for (const [from, count] of [...account.rows]) {
      if (members.lists(from) || holders.voters.includes(from)) continue;
      moveSeats(account, { from, to: heirOf(from, state), count });
      account.rows.delete(from);
    }
  }
}
