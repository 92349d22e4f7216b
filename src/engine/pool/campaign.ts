/**
 * When a server campaigns (DESIGN section 5, the seed's leadership rules): at a cold start the one
 * that was longest on line first, at a fail-over by priority among those that were up, and after
 * some vain rounds anyone. Any answer is safe.
 */
import { START_TIE_MS } from '../limits.ts';
import type { CampaignContext } from '../raft/options.ts';
import type { ServerId } from '../raft/types.ts';

/** At a cold start, the links come up first. */
const START_MS = 150;
/** Two connections to a leader that died may break one after the other. */
const GONE_MS = 20;
/** From one rank to the next: an election's way there and back, with its flushes. */
const RANK_MS = 120;
/** And at a cold start, when who goes first may have to try again. */
const START_RANK_MS = 600;
const ROUNDS_BY_RANK = 2;
const SPREAD_MS = 300;

export interface Candidates {
  readonly self: ServerId;
  /** Ids in leader-priority order. */
  readonly priority: readonly ServerId[];
  /** How long each of those linked, and this one, has been on line. */
  readonly uptimeMs: ReadonlyMap<ServerId, number>;
  readonly isUp: (server: ServerId) => boolean;
}

/** How long `self` waits before it campaigns, in milliseconds. */
export function campaignDelayMs(context: CampaignContext, candidates: Candidates): number {
  const { self, priority } = candidates;
  if (priority.length <= 1) return 0;
  const { lastLeader, cause, round } = context;
  const spread = round >= ROUNDS_BY_RANK ? spreadMs(self, context) : 0;
  if (lastLeader === null) return START_MS + START_RANK_MS * startRank(candidates) + spread;
  if (round >= ROUNDS_BY_RANK) return spread;
  const floorMs = cause === 'gone' ? GONE_MS : 0;
  const rank = priority
    .filter((server) => server !== lastLeader && (server === self || candidates.isUp(server)))
    .indexOf(self);
  return floorMs + RANK_MS * Math.max(0, rank) + round * SPREAD_MS;
}

/** How many of those linked go first: longer on line, or as long and of higher priority. */
function startRank({ self, priority, uptimeMs }: Candidates): number {
  const own = uptimeMs.get(self) ?? 0;
  let rank = 0;
  for (const [server, uptime] of uptimeMs) {
    if (server === self) continue;
    const isTie = Math.abs(uptime - own) <= START_TIE_MS;
    const goesFirst = isTie ? priority.indexOf(server) < priority.indexOf(self) : uptime > own;
    if (goesFirst) rank += 1;
  }
  return rank;
}

/** The same for the same server and round, and different enough for different ones. */
function spreadMs(self: ServerId, { round, term }: CampaignContext): number {
  const rounds = Math.min(round, 8);
  return mixed(`${self} ${term} ${round}`) * SPREAD_MS * (1 + rounds / 2);
}

/** A number from 0 up to 1 out of a text (FNV-1a). */
function mixed(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
