/** Elections: pre-vote (dissertation §9.6), vote (§5.2, §5.4.1), and the objector rule. */
import { becomeFollower } from './follower.ts';
import { becomeLeader, sendHeartbeat } from './leader.ts';
import { tally } from './membership.ts';
import type { PreVote, PreVoteReply, RefusalReason, Vote, VoteReply } from './messages.ts';
import type { RaftState } from './state.ts';
import { planCampaign } from './timers.ts';

/** The longest attempt, in times of the shortest: 2.4 s there and back, by the defaults. */
const PATIENCE_MAX = 8;

/** Asks whether an election could be won, before it disturbs anyone with a higher term. */
export function campaign(raft: RaftState): void {
  if (raft.role === 'leader' || !raft.mayCampaign) return;
  raft.setRole('pre-candidate', null);
  beginVoting(raft);
  raft.votes.set(raft.id, true);
  askAll(raft, 'pre-vote', false);
  concludePreVote(raft);
}

/** A real election: straight away where the leader asked for it, else after the pre-vote. */
export function elect(raft: RaftState, transfer: boolean): void {
  if (raft.role === 'leader' || !raft.mayCampaign) return;
  raft.setTerm(raft.term + 1, raft.id);
  raft.setRole('candidate', null);
  beginVoting(raft);
  raft.ownVoteBatch = raft.batch + 1;
  askAll(raft, 'vote', transfer);
}

function beginVoting(raft: RaftState): void {
  raft.votes = new Map();
  raft.planned = null;
  raft.ownVoteBatch = null;
  raft.incoming = null;
  raft.heardAt = null;
  raft.objected = false;
  raft.electionEndsAt = raft.now + raft.options.durations.electionMs * raft.patience;
}

function askAll(raft: RaftState, type: 'pre-vote' | 'vote', transfer: boolean): void {
  const { id: from, log, configuration } = raft;
  const { lastIndex, lastTerm } = log;
  for (const to of configuration.voters) {
    if (type === 'vote') {
      raft.send({ type, from, to, term: raft.term, lastIndex, lastTerm, transfer });
    } else {
      raft.send({ type, from, to, term: raft.term + 1, lastIndex, lastTerm });
    }
  }
}

/** The attempt failed: by refusal, or because its time is over. */
function giveUp(raft: RaftState): void {
  raft.campaignRound += 1;
  raft.answersDue = false;
  becomeFollower(raft, raft.term, null, 'retry');
}

/**
 * A vote that comes after its attempt was given up: the links are slower than an attempt is long,
 * and no attempt would ever be won. The next one has twice the time, once an attempt.
 */
function takeLateAnswer(raft: RaftState, granted: boolean): void {
  if (!granted || !raft.answersDue || raft.leader !== null) return;
  raft.answersDue = false;
  raft.patience = Math.min(raft.patience * 2, PATIENCE_MAX);
}

export function tickElection(raft: RaftState): void {
  if (raft.electionEndsAt !== null && raft.now >= raft.electionEndsAt) {
    giveUp(raft);
    raft.answersDue = true;
  }
  if (raft.planned === null || raft.now < raft.planned.at) return;
  raft.planned = null;
  campaign(raft);
}

/** This candidate's own vote counts from when it cannot be forgotten any more. */
export function countOwnVote(raft: RaftState, persistedBatch: number): void {
  if (raft.role !== 'candidate' || raft.ownVoteBatch === null) return;
  if (persistedBatch < raft.ownVoteBatch) return;
  raft.ownVoteBatch = null;
  raft.votes.set(raft.id, true);
  concludeVote(raft);
}

export function handlePreVote(raft: RaftState, message: PreVote): void {
  const { id: from, log } = raft;
  const { from: to, term } = message;
  let reason: RefusalReason | null = null;
  if (raft.hearsLeader) reason = 'leader-heard';
  else if (term <= raft.term) reason = 'term-behind';
  else if (!log.isUpToDate(message.lastIndex, message.lastTerm)) reason = 'log-behind';
  const granted = reason === null;
  const leader = reason === 'leader-heard' ? raft.leader : null;
  const type = 'pre-vote-reply';
  raft.send({ type, from, to, term: granted ? term : raft.term, granted, reason, leader });
  if (leader !== null) object(raft, to);
}

/** Objector rule: the leader learns at once that `candidate` no longer hears it. */
function object(raft: RaftState, candidate: string): void {
  const { id: from, leader, term } = raft;
  if (leader === null) return;
  raft.notify({ type: 'objected', candidate, leader });
  if (raft.role === 'leader') sendHeartbeat(raft, candidate);
  else raft.send({ type: 'objected', from, to: leader, term, candidate });
}

export function handleVote(raft: RaftState, message: Vote): void {
  const { from: to } = message;
  const isFree = raft.votedFor === null && raft.leader === null;
  const granted =
    (isFree || raft.votedFor === to) && raft.log.isUpToDate(message.lastIndex, message.lastTerm);
  if (granted && raft.votedFor === null) {
    raft.setTerm(raft.term, to);
    planCampaign(raft, 'voted', raft.options.durations.electionMs);
  }
  raft.send({ type: 'vote-reply', from: raft.id, to, term: raft.term, granted });
}

export function handlePreVoteReply(raft: RaftState, message: PreVoteReply): void {
  const { from, granted, reason, leader } = message;
  if (!granted && reason !== null) raft.notify({ type: 'refused', by: from, reason, leader });
  if (raft.role !== 'pre-candidate') {
    takeLateAnswer(raft, granted);
    return;
  }
  if (granted && message.term !== raft.term + 1) return;
  if (reason === 'leader-heard') raft.objected = true;
  raft.votes.set(from, granted);
  concludePreVote(raft);
}

function concludePreVote(raft: RaftState): void {
  const result = tally(raft.configuration, raft.votes);
  if (result === 'won') elect(raft, false);
  else if (result === 'lost') giveUp(raft);
}

export function handleVoteReply(raft: RaftState, message: VoteReply): void {
  if (raft.role !== 'candidate') {
    takeLateAnswer(raft, message.granted);
    return;
  }
  raft.votes.set(message.from, message.granted);
  concludeVote(raft);
}

function concludeVote(raft: RaftState): void {
  const result = tally(raft.configuration, raft.votes);
  if (result === 'won') becomeLeader(raft);
  else if (result === 'lost') giveUp(raft);
}
