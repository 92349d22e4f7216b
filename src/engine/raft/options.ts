/** What a Raft server is told at its start: durations, bounds, and when to campaign. */
import { assert } from '../errors.ts';
import type { ServerId } from './types.ts';

/** Boot-time milliseconds. None of them carries Raft's safety, all of them its liveness. */
export interface Durations {
  /** Between two heartbeat rounds of a leader. */
  readonly heartbeatMs: number;
  /**
   * A follower that has not heard its leader for this long misses it; until then it refuses other
   * candidates. A leader that no majority has acked for this long steps down (check-quorum).
   */
  readonly leaderMissingMs: number;
  /** How long the missed leader has to answer the direct question (DESIGN section 5). */
  readonly leaderCheckMs: number;
  /** How long a candidate waits for votes before it gives up this attempt. */
  readonly electionMs: number;
  /** A leadership transfer that is not over by then is given up. */
  readonly transferMs: number;
}

export interface RaftLimits {
  readonly entriesPerMessageMax: number;
  readonly bytesPerMessageMax: number;
  /** Sent to one follower and not acked. */
  readonly entriesInFlightMax: number;
  readonly bytesInFlightMax: number;
  /** Appended by a leader and not committed: past this it refuses proposals. */
  readonly uncommittedEntriesMax: number;
  readonly uncommittedBytesMax: number;
  readonly snapshotChunkBytes: number;
  readonly snapshotBytesMax: number;
  /** Entries kept behind a snapshot, for followers that lag a little. */
  readonly trailingEntries: number;
  /** Voters and learners together. */
  readonly serversMax: number;
}

/**
 * Why a campaign is being scheduled: the server started; it misses its leader and asks it directly;
 * its leader's connection is gone; an attempt failed; it voted for another; it saw a newer term; it
 * stepped down.
 */
export type CampaignCause =
  | 'start'
  | 'missing'
  | 'gone'
  | 'retry'
  | 'voted'
  | 'newer-term'
  | 'stepped-down';

export interface CampaignContext {
  readonly cause: CampaignCause;
  /** Attempts that failed since a leader was last heard. */
  readonly round: number;
  readonly term: number;
  readonly now: number;
  /** The last leader, or null where none was heard since the start. */
  readonly lastLeader: ServerId | null;
  /** The last attempt was refused by a server that hears a leader: detached, once round > 1. */
  readonly objected: boolean;
}

export interface RaftOptions {
  readonly id: ServerId;
  readonly durations: Durations;
  readonly limits: RaftLimits;
  /**
   * How long to wait before a campaign, in milliseconds. Any answer is safe; for liveness the
   * answers of different servers must come apart by more than a message's way as `round` grows.
   */
  readonly campaignDelayMs: (context: CampaignContext) => number;
}

export const DURATIONS: Durations = {
  heartbeatMs: 500,
  leaderMissingMs: 2_000,
  leaderCheckMs: 250,
  electionMs: 300,
  transferMs: 2_000,
};

export const RAFT_LIMITS: RaftLimits = {
  entriesPerMessageMax: 1_024,
  bytesPerMessageMax: 512 * 1024,
  entriesInFlightMax: 8_192,
  bytesInFlightMax: 2 * 1024 * 1024,
  uncommittedEntriesMax: 65_536,
  uncommittedBytesMax: 16 * 1024 * 1024,
  snapshotChunkBytes: 256 * 1024,
  snapshotBytesMax: 64 * 1024 * 1024,
  trailingEntries: 1_024,
  serversMax: 13,
};

export function checkOptions({ durations, limits }: RaftOptions): void {
  const { heartbeatMs, leaderMissingMs } = durations;
  for (const [name, value] of [...Object.entries(durations), ...Object.entries(limits)]) {
    assert(Number.isFinite(value) && value >= 0, `${name} is a number from 0 on`);
  }
  assert(heartbeatMs > 0, 'a leader waits between heartbeats');
  assert(heartbeatMs * 2 < leaderMissingMs, 'one lost heartbeat is not a lost leader');
  assert(limits.entriesPerMessageMax > 0, 'a message carries at least one entry');
  assert(limits.entriesPerMessageMax <= limits.entriesInFlightMax, 'a message fits in flight');
  assert(limits.bytesPerMessageMax <= limits.bytesInFlightMax, 'a message fits in flight');
  assert(limits.snapshotChunkBytes > 0, 'a chunk carries at least one byte');
}
