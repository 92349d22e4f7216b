/** Replication: the leader brings every log into agreement with its own, and commits (§5.3). */
import { majority, reachedByMajority } from './membership.ts';
import type { AppendAck } from './messages.ts';
import { Progress } from './progress.ts';
import { beginSnapshot, sendPiece } from './snapshot.ts';
import { audience, type RaftState } from './state.ts';
import type { ServerId } from './types.ts';

/** Progress of exactly those that this leader sends to. */
export function trackAudience(raft: RaftState): void {
  const { progress, log, now } = raft;
  const ids = audience(raft);
  raft.progress = new Map(
    ids.map((id) => [id, progress.get(id) ?? new Progress(log.lastIndex + 1, now)]),
  );
}

/** Sends what the server lacks and the limits allow; where that is nothing, only if `always`. */
export function sendAppend(raft: RaftState, to: ServerId, always: boolean): void {
  const { log, options } = raft;
  const progress = raft.progress.get(to);
  if (progress === undefined || progress.mode === 'snapshot') return;
  let isOwed = always;
  while (!progress.waiting) {
    const previousIndex = progress.next - 1;
    const previousTerm = log.term(previousIndex);
    if (previousTerm === null) {
      beginSnapshot(raft, progress, to);
      return;
    }
    const room = progress.room(log, options.limits);
    const entries = log.slice(progress.next, room.entries, room.bytes);
    if (entries.length === 0 && !isOwed) return;
    raft.send({
      type: 'append',
      from: raft.id,
      to,
      term: raft.term,
      round: raft.round,
      attachment: null,
      previousIndex,
      previousTerm,
      entries,
      commit: log.committed,
    });
    isOwed = false;
    progress.sentRound = raft.round;
    progress.sentCommit = log.committed;
    if (progress.mode === 'probe') progress.waiting = true;
    else progress.next += entries.length;
  }
}

export function broadcastAppend(raft: RaftState, always: boolean): void {
  for (const to of raft.progress.keys()) sendAppend(raft, to, always);
}

export function handleAppendAck(raft: RaftState, message: AppendAck): void {
  const { log } = raft;
  const { from, accepted, index } = message;
  const progress = raft.progress.get(from);
  // An ack of what was never sent comes from a disk that was set back; the pool refuses such peers.
  if (progress === undefined || index > log.lastIndex) return;
  if (!accepted) {
    const hint = agreementBefore(raft, message);
    if (progress.refuse(index, hint)) sendAppend(raft, from, true);
    return;
  }
  progress.accept(index, log.baseIndex);
  // While it was probed it may have missed the news of a commit.
  if (!advanceCommit(raft)) sendAppend(raft, from, progress.sentCommit < log.committed);
}

/** The last entry of this log that can agree with the follower's, by the hint's term. */
function agreementBefore({ log }: RaftState, { hintIndex, hintTerm }: AppendAck): number {
  let index = Math.min(hintIndex, log.lastIndex);
  while (index > log.baseIndex && (log.term(index) ?? 0) > hintTerm) index -= 1;
  return index;
}

/**
 * §5.3 and §5.4.2: commits what a majority has on disk, as soon as that includes an entry of this
 * term. Counting an earlier term's entry would not do: a later leader may still replace it
 * (Figure 8). Returns whether something was committed.
 */
export function advanceCommit(raft: RaftState): boolean {
  const { log, configuration, progress } = raft;
  const index = reachedByMajority(configuration, (id) =>
    id === raft.id ? log.stable : (progress.get(id)?.match ?? 0),
  );
  if (index <= log.committed || log.term(index) !== raft.term) return false;
  log.commitTo(index);
  // Whoever a committed change removed is told too, this last time.
  broadcastAppend(raft, true);
  trackAudience(raft);
  return true;
}

/**
 * An ack of a later round than the last append's, and still something in flight: it was lost, or
 * the probe or its answer was. Messages may overtake each other; then this only repeats some.
 */
export function resendLost(raft: RaftState, from: ServerId, ackedRound: number): void {
  const progress = raft.progress.get(from);
  if (progress === undefined || ackedRound <= progress.sentRound) return;
  if (progress.mode === 'snapshot') {
    sendPiece(raft, progress, from);
    return;
  }
  if (progress.mode === 'probe') progress.waiting = false;
  else if (progress.match < progress.next - 1) progress.becomeProbe();
  if (progress.match < raft.log.lastIndex) sendAppend(raft, from, true);
}

/** The newest heartbeat round that a majority of the newest configuration acked. */
export function quorumRound(raft: RaftState): number {
  return reachedByMajority(raft.configuration, (id) =>
    id === raft.id ? raft.round : (raft.progress.get(id)?.ackedRound ?? 0),
  );
}

/** Check-quorum: whether a majority acked within the time after which followers miss a leader. */
export function hasQuorum(raft: RaftState): boolean {
  const { configuration, progress, now } = raft;
  const since = now - raft.options.durations.leaderMissingMs;
  const acked = configuration.voters.filter(
    (id) => id === raft.id || (progress.get(id)?.ackedAt ?? Number.NEGATIVE_INFINITY) > since,
  );
  return acked.length >= majority(configuration);
}
