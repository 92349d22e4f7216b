/** A follower: hears its leader, takes what it sends, asks it when it falls silent. */
import { assert, LmError } from '../errors.ts';
import type { Append, AppendAck, Heartbeat, LeaderMessage } from './messages.ts';
import type { CampaignCause } from './options.ts';
import type { RaftState } from './state.ts';
import { hastenCampaign, missesLeaderAt, planCampaign } from './timers.ts';
import type { ServerId } from './types.ts';

/** Leaves any other role; without a leader it plans to campaign, for `cause`. */
export function becomeFollower(
  raft: RaftState,
  term: number,
  leader: ServerId | null,
  cause: CampaignCause,
): void {
  const isNewTerm = term > raft.term;
  if (isNewTerm) raft.setTerm(term, null);
  const isChange = isNewTerm || raft.role !== 'follower' || raft.leader !== leader;
  raft.progress = new Map();
  raft.transfer = null;
  raft.established = false;
  raft.votes = new Map();
  raft.electionEndsAt = null;
  raft.ownVoteBatch = null;
  raft.incoming = null;
  raft.heardAt = null;
  if (isChange) raft.setRole('follower', leader);
  if (leader === null) planCampaign(raft, cause);
  else raft.planned = null;
}

/** Every message of this term's leader does this before anything else. */
export function hearLeader(raft: RaftState, message: LeaderMessage): void {
  const { from, term, round, attachment } = message;
  assert(raft.role !== 'leader', 'one leader a term');
  assert(raft.leader === null || raft.leader === from, 'one leader a term');
  if (raft.leader !== from || raft.role !== 'follower') {
    becomeFollower(raft, term, from, 'newer-term');
  }
  raft.heardAt = raft.now;
  raft.planned = null;
  raft.campaignRound = 0;
  raft.patience = 1;
  raft.objected = false;
  raft.notify({ type: 'heard', from, term, round, attachment });
}

/** AppendEntries at its receiver (Figure 2). */
export function handleAppend(raft: RaftState, message: Append): void {
  const { log } = raft;
  const agreed = mergeAppend(raft, message);
  if (agreed === null) {
    refuseAppend(raft, message);
    return;
  }
  log.commitTo(Math.max(log.committed, Math.min(message.commit, agreed)));
  sendAppendAck(raft, message, agreed);
}

/** What is committed agrees with the leader's log: that part of an older message is skipped. */
function mergeAppend({ log }: RaftState, message: Append): number | null {
  const { previousIndex, previousTerm, entries } = message;
  const known = log.committed - previousIndex;
  if (known <= 0) return log.merge(previousIndex, previousTerm, entries);
  return log.merge(log.committed, log.term(log.committed) ?? 0, entries.slice(known));
}

export function handleHeartbeat(raft: RaftState, message: Heartbeat): void {
  const { log } = raft;
  if (message.commit > log.lastIndex) {
    throw new LmError(
      'rolled-back',
      'This server has lost entries of the ledger that it had acknowledged.',
      'Its data directory was set back: start it with --rejoin.',
      { acknowledged: message.commit, stored: log.lastIndex },
    );
  }
  log.commitTo(message.commit);
  const { id: from, term } = raft;
  const { from: to, round } = message;
  raft.send({ type: 'heartbeat-ack', from, to, term, round, attachment: null });
}

export function sendAppendAck(raft: RaftState, message: LeaderMessage, index: number): void {
  answerAppend(raft, message, { accepted: true, index, hintIndex: 0, hintTerm: 0 });
}

/**
 * §5.3: no entry of this log after the hint can agree with the leader's, since the leader's terms
 * up to there are at most `previousTerm`; so a conflict costs a message per term, not per entry.
 */
function refuseAppend(raft: RaftState, message: Append): void {
  const { log } = raft;
  let hintIndex = Math.min(message.previousIndex, log.lastIndex);
  while (hintIndex > log.committed && (log.term(hintIndex) ?? 0) > message.previousTerm) {
    hintIndex -= 1;
  }
  const hintTerm = log.term(hintIndex) ?? 0;
  refuse(raft, message, { hintIndex, hintTerm });
}

/** Tells a leader of an earlier term that there is a newer one, or it would never step down. */
export function refuseStaleLeader(raft: RaftState, message: LeaderMessage): void {
  refuse(raft, message, { hintIndex: 0, hintTerm: 0 });
}

function refuse(
  raft: RaftState,
  message: LeaderMessage,
  hint: Pick<AppendAck, 'hintIndex' | 'hintTerm'>,
): void {
  const index = message.type === 'append' ? message.previousIndex : 0;
  answerAppend(raft, message, { accepted: false, index, ...hint });
}

function answerAppend(
  raft: RaftState,
  { from: to, round }: LeaderMessage,
  answer: Pick<AppendAck, 'accepted' | 'index' | 'hintIndex' | 'hintTerm'>,
): void {
  const { id: from, term } = raft;
  raft.send({ type: 'append-ack', from, to, term, round, attachment: null, ...answer });
}

/** A follower that misses heartbeats asks the leader directly before it campaigns. */
export function checkLeader(raft: RaftState): void {
  const missesAt = missesLeaderAt(raft);
  if (missesAt === null || raft.now < missesAt) return;
  if (!raft.mayCampaign) {
    raft.setRole('follower', null);
    return;
  }
  const { id: from, term, leader } = raft;
  if (leader !== null) raft.send({ type: 'leader-check', from, to: leader, term });
  planCampaign(raft, 'missing', raft.options.durations.leaderCheckMs);
}

/** The connection to the leader was refused or reset: that is no ack, at once. */
export function loseLeader(raft: RaftState): void {
  raft.heardAt = null;
  raft.setRole(raft.role, null);
  hastenCampaign(raft, 'gone');
}
