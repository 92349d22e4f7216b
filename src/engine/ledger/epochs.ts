/**
 * A pool that lost its majority for good is restarted from servers that are left (DESIGN sections 2
 * and 9): a new epoch. Each of them keeps on disk that it takes part in the restart; the entry that
 * all of them have agreed on makes it the state of the ledger.
 */
import { readRlf } from '../license/rlf.ts';
import { EPOCH_TERMS } from '../limits.ts';
import type { Configuration, ServerId } from '../raft/types.ts';
import { put, type RecordSource, read, Space, textKey, type Write } from '../records.ts';
import { settleRows } from './departures.ts';
import type { Entry } from './entries.ts';
import { successor } from './offer.ts';
import type { LedgerState } from './state.ts';

/** A restart that this server takes part in, by the RLF that says so. */
export interface Restart {
  readonly epoch: number;
  readonly text: string;
}

const RESTART_KEY = textKey(Space.vote, 'restart');

export function restartRecord({ epoch, text }: Restart): Write {
  return put(RESTART_KEY, [epoch, text]);
}

export function readRestart(source: RecordSource): Restart | null {
  const value = source.get(RESTART_KEY);
  if (value === null) return null;
  const [epoch, text] = read(value) as [number, string];
  return { epoch, text };
}

/** Terms of an epoch are beyond this, and beyond all of the epochs before. */
export function termsFrom(epoch: number): number {
  return epoch === 1 ? 0 : epoch * EPOCH_TERMS;
}

/** Whom a restart needs, all of them: together they know what any of them applied. */
export function restarted({ text }: Restart): Configuration {
  return { voters: survivorsIn(text), learners: [], unanimous: true };
}

/** All are fenced where the pool is restarted. */
export function isFenceOf(entry: Entry | null, server: ServerId): boolean {
  return entry?.type === 'epoch' || (entry?.type === 'fenced' && entry.server === server);
}

export function isNamed(server: ServerId, { text }: Restart): boolean {
  return survivorsIn(text).includes(server);
}

function survivorsIn(text: string): ServerId[] {
  return readRlf(text)
    .servers.map(({ fingerprint }) => fingerprint)
    .sort();
}

/**
 * The servers of the RLF are the pool. Those before, they themselves included, are fenced: until
 * the keys of all have ended nobody issues anything. False where it may not follow.
 */
export function beginEpoch(
  state: LedgerState,
  { epoch, text }: Extract<Entry, { type: 'epoch' }>,
  index: number,
): boolean {
  if (epoch <= state.epoch || successor(text, state) === null) return false;
  const { voters, learners } = state.holders;
  state.epoch = epoch;
  state.secrets.isStale = true;
  for (const server of [...voters, ...learners].sort()) state.servers.fencedAnew(server, index);
  state.configuration = { voters: survivorsIn(text), learners: [] };
  // Those that are lost may have granted seats of licenses that nobody here has heard of.
  const isNone = state.accounts.size === 0 && readRlf(text).licenses.length === 0;
  state.awaited = isNone ? [] : [...voters, ...learners].sort();
  return true;
}

/** Once no key of a server of before can live it is awaited no more; one that is lost is gone. */
export function awaitedNoMore(state: LedgerState, server: ServerId): boolean {
  if (!state.awaited.includes(server)) return false;
  const isOver = [...state.accounts.values()].every((account) => {
    return state.servers.isOpened(server, account);
  });
  if (!isOver) return false;
  state.awaited = state.awaited.filter((other) => other !== server);
  if (state.configuration.voters.includes(server)) return false;
  settleRows(state);
  state.members.configured(state.holders);
  return true;
}
