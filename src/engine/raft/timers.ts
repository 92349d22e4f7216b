/** When a server campaigns, and when it next wants to be woken. */
import type { CampaignCause } from './options.ts';
import type { PlannedCampaign, RaftState } from './state.ts';

/** Plans a campaign `extraMs` and the delay of the leadership rules from now (DESIGN section 5). */
export function planCampaign(raft: RaftState, cause: CampaignCause, extraMs = 0): void {
  raft.planned = raft.mayCampaign ? plan(raft, cause, raft.now + extraMs) : null;
}

/** As `planCampaign`, unless an earlier campaign is planned. */
export function hastenCampaign(raft: RaftState, cause: CampaignCause): void {
  const before = raft.planned;
  planCampaign(raft, cause);
  if (before !== null && raft.planned !== null && before.at < raft.planned.at) {
    raft.planned = before;
  }
}

/** Asks for the delay of the planned campaign again. */
export function reconsider(raft: RaftState): void {
  const { planned } = raft;
  if (planned === null) return;
  raft.planned = raft.mayCampaign ? plan(raft, planned.cause, planned.from) : null;
}

function plan(raft: RaftState, cause: CampaignCause, from: number): PlannedCampaign {
  const { term, now, lastLeader, objected, campaignRound: round } = raft;
  const context = { cause, round, term, now, lastLeader, objected };
  const delayMs = Math.max(0, raft.options.campaignDelayMs(context));
  return { cause, from, at: from + delayMs };
}

/** The moment at which a follower begins to miss its leader. */
export function missesLeaderAt({ leader, heardAt, planned, options }: RaftState): number | null {
  if (leader === null || heardAt === null || planned !== null) return null;
  return heardAt + options.durations.leaderMissingMs;
}

/** When the next tick is due, or null where time alone changes nothing. */
export function wakeAt(raft: RaftState): number | null {
  const due: (number | null)[] =
    raft.role === 'leader'
      ? [raft.heartbeatAt, raft.transfer?.endsAt ?? null]
      : [raft.electionEndsAt, raft.planned?.at ?? null, missesLeaderAt(raft)];
  const times = due.filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}
