/** A leader: begins its term, keeps it by heartbeats, takes proposals, hands leadership on. */
import { assert } from '../errors.ts';
import type { ConfigurationChange, Outcome, ProposalRefusal } from './events.ts';
import { becomeFollower } from './follower.ts';
import { changed } from './membership.ts';
import type { Ack } from './messages.ts';
import {
  advanceCommit,
  broadcastAppend,
  handleAppendAck,
  hasQuorum,
  resendLost,
  sendAppend,
  trackAudience,
} from './replication.ts';
import { handleSnapshotAck } from './snapshot.ts';
import type { RaftState } from './state.ts';
import type { Configuration, Entry, ServerId } from './types.ts';

/** §5.2, §8: a new leader's first entry is its own no-op; its first messages are round 1. */
export function becomeLeader(raft: RaftState): void {
  assert(raft.role === 'candidate', 'only a candidate becomes leader');
  raft.votes = new Map();
  raft.electionEndsAt = null;
  raft.planned = null;
  raft.campaignRound = 0;
  raft.established = false;
  raft.transfer = null;
  raft.progress = new Map();
  raft.setRole('leader', raft.id);
  trackAudience(raft);
  raft.round = 0;
  beginRound(raft);
  append(raft, { kind: 'no-op' });
  broadcastAppend(raft, true);
}

function beginRound(raft: RaftState): void {
  raft.round += 1;
  raft.heartbeatAt = raft.now + raft.options.durations.heartbeatMs;
  raft.notify({ type: 'round', term: raft.term, round: raft.round });
}

export function tickLeader(raft: RaftState): void {
  const { transfer } = raft;
  if (transfer !== null && raft.now >= transfer.endsAt) {
    raft.transfer = null;
    raft.notify({ type: 'transfer-failed', to: transfer.to });
  }
  if (raft.now < raft.heartbeatAt) return;
  if (!hasQuorum(raft)) {
    becomeFollower(raft, raft.term, null, 'stepped-down');
    return;
  }
  beginRound(raft);
  for (const to of raft.progress.keys()) sendHeartbeat(raft, to);
}

/** Also sent out of turn, to whoever seems not to hear this leader. */
export function sendHeartbeat(raft: RaftState, to: ServerId): void {
  const progress = raft.progress.get(to);
  if (progress === undefined) return;
  const { id: from, term, round, log } = raft;
  const commit = Math.min(progress.match, log.committed);
  raft.send({ type: 'heartbeat', from, to, term, round, attachment: null, commit });
}

export function handleAck(raft: RaftState, message: Ack): void {
  const { from, term, round, attachment } = message;
  const progress = raft.progress.get(from);
  if (progress === undefined || round > raft.round) return;
  progress.ackedRound = Math.max(progress.ackedRound, round);
  progress.ackedAt = raft.now;
  raft.notify({ type: 'acked', from, term, round, attachment });
  if (message.type === 'append-ack') handleAppendAck(raft, message);
  else if (message.type === 'snapshot-ack') handleSnapshotAck(raft, message);
  else resendLost(raft, from, round);
  if (raft.transfer?.to === from) continueTransfer(raft);
  leaveIfRemoved(raft);
}

/** This leader's own disk caught up: it counts like any other server. */
export function handleOwnProgress(raft: RaftState): void {
  advanceCommit(raft);
  leaveIfRemoved(raft);
}

export function propose(raft: RaftState, data: readonly Uint8Array[]): Outcome {
  const refusal = whyNot(raft, data);
  if (refusal !== null) return refused(raft, refusal);
  for (const bytes of data) append(raft, { kind: 'data', data: bytes });
  broadcastAppend(raft, false);
  return accepted(raft);
}

export function proposeChange(raft: RaftState, change: ConfigurationChange): Outcome {
  const refusal = whyNot(raft, []) ?? whyNoChange(raft, change);
  if (refusal !== null) return refused(raft, refusal);
  const configuration = changed(raft.configuration, change);
  if (typeof configuration === 'string') return refused(raft, configuration);
  append(raft, { kind: 'configuration', configuration });
  trackAudience(raft);
  broadcastAppend(raft, false);
  return accepted(raft);
}

function whyNot(raft: RaftState, data: readonly Uint8Array[]): ProposalRefusal | null {
  const { log, options } = raft;
  if (raft.role !== 'leader') return 'not-leader';
  if (raft.transfer !== null) return 'transferring';
  const { uncommittedEntriesMax, uncommittedBytesMax } = options.limits;
  const entries = log.lastIndex - log.committed + data.length;
  const proposed = data.reduce((sum, bytes) => sum + bytes.length, 0);
  const bytes = log.bytesBetween(log.committed, log.lastIndex) + proposed;
  return entries > uncommittedEntriesMax || bytes > uncommittedBytesMax ? 'backlog' : null;
}

/**
 * §4.1: one change at a time, and none before an entry of this term is committed: until then a
 * change of an earlier leader may be under way that this one does not know.
 */
function whyNoChange(raft: RaftState, { action, server }: ConfigurationChange) {
  const { log, configuration, options } = raft;
  if (log.term(log.committed) !== raft.term) return 'not-established';
  if (log.configurations.newest.index > log.committed) return 'change-pending';
  const count = configuration.voters.length + configuration.learners.length;
  if (action === 'add-learner' && count >= options.limits.serversMax) return 'too-many-servers';
  if (action !== 'promote' || !configuration.learners.includes(server)) return null;
  const behind = log.lastIndex - (raft.progress.get(server)?.match ?? 0);
  return behind > options.limits.entriesPerMessageMax ? 'learner-behind' : null;
}

function accepted({ log, term }: RaftState): Outcome {
  return { accepted: true, index: log.lastIndex, term };
}

function refused({ leader }: RaftState, reason: ProposalRefusal): Outcome {
  return { accepted: false, reason, leader };
}

type Content =
  | { readonly kind: 'no-op' }
  | { readonly kind: 'data'; readonly data: Uint8Array }
  | { readonly kind: 'configuration'; readonly configuration: Configuration };

function append({ log, term }: RaftState, content: Content): void {
  const entry: Entry = { index: log.lastIndex + 1, term, ...content };
  log.append(entry);
}

/** §3.10 of the dissertation: brings the server up to date, then has it campaign at once. */
export function transferTo(raft: RaftState, to: ServerId): Outcome {
  if (raft.role !== 'leader') return refused(raft, 'not-leader');
  if (raft.transfer !== null && raft.transfer.to !== to) return refused(raft, 'transferring');
  const isVoter = raft.configuration.voters.includes(to);
  if (to === raft.id || !isVoter) return refused(raft, 'no-such-server');
  raft.transfer ??= { to, endsAt: raft.now + raft.options.durations.transferMs };
  sendAppend(raft, to, false);
  continueTransfer(raft);
  return accepted(raft);
}

function continueTransfer(raft: RaftState): void {
  const { transfer, log, id: from, term } = raft;
  if (transfer === null) return;
  const progress = raft.progress.get(transfer.to);
  if (progress === undefined || progress.match < log.lastIndex) return;
  raft.send({ type: 'timeout-now', from, to: transfer.to, term });
}

/** §4.2.2: a leader that a committed change removed steps down, and says who should go on. */
function leaveIfRemoved(raft: RaftState): void {
  if (raft.role !== 'leader' || raft.isVoter) return;
  const { log, configuration, id: from, term } = raft;
  if (log.configurations.newest.index > log.committed) return;
  const matchOf = (id: ServerId): number => raft.progress.get(id)?.match ?? 0;
  const [successor] = [...configuration.voters].sort((a, b) => matchOf(b) - matchOf(a));
  if (successor !== undefined) raft.send({ type: 'timeout-now', from, to: successor, term });
  becomeFollower(raft, term, null, 'stepped-down');
}
