/**
 * Raft for one server, after Ongaro and Ousterhout, in the manner of etcd's: an event goes in,
 * records, messages and notices come out. No clock, randomness, disk or network in here.
 */
import { assert } from '../errors.ts';
import {
  campaign,
  countOwnVote,
  elect,
  handlePreVote,
  handlePreVoteReply,
  handleVote,
  handleVoteReply,
  tickElection,
} from './election.ts';
import type { Effects, Event, Outcome } from './events.ts';
import {
  becomeFollower,
  checkLeader,
  handleAppend,
  handleHeartbeat,
  hearLeader,
  loseLeader,
  refuseStaleLeader,
} from './follower.ts';
import {
  handleAck,
  handleOwnProgress,
  propose,
  proposeChange,
  sendHeartbeat,
  tickLeader,
  transferTo,
} from './leader.ts';
import { isLeaderMessage, isWellFormed, type Message } from './messages.ts';
import type { RaftOptions } from './options.ts';
import { quorumRound } from './replication.ts';
import { handleSnapshot } from './snapshot.ts';
import { RaftState } from './state.ts';
import { type RaftStatus, statusOf } from './status.ts';
import { planCampaign, reconsider, wakeAt } from './timers.ts';
import type { Entry, ServerId, Stored } from './types.ts';

export class Raft {
  readonly #state: RaftState;

  /** `now` is the boot-time moment of the start; `Raft.wakeAt` says when the first tick is due. */
  constructor(options: RaftOptions, stored: Stored, now: number) {
    this.#state = new RaftState(options, stored, now);
    planCampaign(this.#state, 'start');
  }

  get wakeAt(): number | null {
    return wakeAt(this.#state);
  }

  get status(): RaftStatus {
    return statusOf(this.#state);
  }

  /**
   * The newest heartbeat round of this term that a majority of the newest configuration acked, this
   * leader counted if it votes; 0 on any other server. A change of configuration can lower it.
   */
  get quorumRound(): number {
    return this.#state.role === 'leader' ? quorumRound(this.#state) : 0;
  }

  /** The log from `from` on, committed or not, as far as it is in memory. */
  entries(from: number): Entry[] {
    const { log } = this.#state;
    const first = Math.max(from, log.baseIndex + 1);
    return log.slice(first, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  /** What all voters had to agree on is applied: from now on a majority decides. */
  settle(): void {
    this.#state.log.configurations.settle();
  }

  step(event: Event): Effects {
    const raft = this.#state;
    raft.now = Math.max(raft.now, event.now);
    const outcome = dispatch(raft, event);
    return raft.takeEffects(outcome, wakeAt(raft));
  }
}

function dispatch(raft: RaftState, event: Event): Outcome | null {
  switch (event.type) {
    case 'propose':
      return propose(raft, event.data);
    case 'change':
      return proposeChange(raft, event.change);
    case 'transfer':
      return transferTo(raft, event.to);
    case 'tick':
      tick(raft);
      break;
    case 'message':
      receive(raft, event.message);
      break;
    case 'persisted':
      persisted(raft, event.batch);
      break;
    case 'gone':
      gone(raft, event.peer);
      break;
    case 'compact':
      compact(raft, event.index, event.data);
      break;
    case 'reconsider':
      reconsider(raft);
      break;
    case 'step-down':
      if (raft.role !== 'follower') becomeFollower(raft, raft.term, null, 'stepped-down');
      break;
    case 'campaign':
      campaign(raft);
      break;
  }
  return null;
}

function tick(raft: RaftState): void {
  if (raft.role === 'leader') {
    tickLeader(raft);
    return;
  }
  checkLeader(raft);
  tickElection(raft);
}

function persisted(raft: RaftState, batch: number): void {
  assert(batch <= raft.batch, 'only what was handed out can be on disk');
  raft.log.persisted(batch);
  countOwnVote(raft, batch);
  if (raft.role === 'leader') handleOwnProgress(raft);
}

/** A snapshot that comes after a newer one is no news. */
function compact(raft: RaftState, index: number, data: Uint8Array): void {
  const { snapshotBytesMax, trailingEntries } = raft.options.limits;
  assert(data.length <= snapshotBytesMax, 'followers take a snapshot of this size');
  if (index > raft.log.snapshot.index) raft.log.compact(index, data, trailingEntries);
}

function gone(raft: RaftState, peer: ServerId): void {
  if (raft.role !== 'leader') {
    if (raft.leader === peer) loseLeader(raft);
    return;
  }
  const progress = raft.progress.get(peer);
  if (progress !== undefined && progress.mode !== 'snapshot') progress.becomeProbe();
}

function receive(raft: RaftState, message: Message): void {
  if (message.to !== raft.id || message.from === raft.id || !isWellFormed(message)) {
    raft.notify({ type: 'malformed', from: message.from });
    return;
  }
  if (adoptTerm(raft, message)) handle(raft, message);
}

/** §5.1: a higher term is adopted, a lower one no longer counts. Returns whether to go on. */
function adoptTerm(raft: RaftState, message: Message): boolean {
  const { type, term, from } = message;
  // A pre-vote and its granting reply name a term that nobody is in yet; a refusal counts from any.
  if (type === 'pre-vote' || (type === 'pre-vote-reply' && message.granted)) return true;
  if (term > raft.term) {
    // §4.2.3: who hears a leader lets no candidate disturb it, unless the leader wants it so.
    if (type === 'vote' && !message.transfer && raft.hearsLeader) return false;
    becomeFollower(raft, term, isLeaderMessage(message) ? from : null, 'newer-term');
  }
  if (term === raft.term || type === 'pre-vote-reply') return true;
  if (isLeaderMessage(message)) refuseStaleLeader(raft, message);
  return false;
}

function handle(raft: RaftState, message: Message): void {
  if (isLeaderMessage(message)) hearLeader(raft, message);
  switch (message.type) {
    case 'heartbeat':
      handleHeartbeat(raft, message);
      break;
    case 'append':
      handleAppend(raft, message);
      break;
    case 'snapshot':
      handleSnapshot(raft, message);
      break;
    case 'heartbeat-ack':
    case 'append-ack':
    case 'snapshot-ack':
      if (raft.role === 'leader') handleAck(raft, message);
      break;
    case 'pre-vote':
      handlePreVote(raft, message);
      break;
    case 'pre-vote-reply':
      handlePreVoteReply(raft, message);
      break;
    case 'vote':
      handleVote(raft, message);
      break;
    case 'vote-reply':
      handleVoteReply(raft, message);
      break;
    case 'timeout-now':
      if (raft.leader === message.from) elect(raft, true);
      break;
    case 'leader-check':
      if (raft.role === 'leader') sendHeartbeat(raft, message.from);
      break;
    case 'objected':
      if (raft.role === 'leader') sendHeartbeat(raft, message.candidate);
      break;
  }
}
