/**
 * What servers say to each other. A message with a term below the receiver's says nothing any more;
 * one with a higher term moves the receiver there (§5.1), apart from pre-votes.
 */
import type { Configuration, Entry, ServerId } from './types.ts';

interface Envelope {
  readonly from: ServerId;
  readonly to: ServerId;
  readonly term: number;
}

/** Every message of a leader, and every ack. */
interface Attached extends Envelope {
  /**
   * A leader's message: the newest heartbeat round begun when it was made, counted per term from 1.
   * An ack: the round of the message that it answers.
   */
  readonly round: number;
  /** Opaque to Raft; `attach` fills it in just before sending. */
  attachment: Uint8Array | null;
}

export interface Heartbeat extends Attached {
  readonly type: 'heartbeat';
  /** Never beyond what this follower is known to have. */
  readonly commit: number;
}

export interface Append extends Attached {
  readonly type: 'append';
  readonly previousIndex: number;
  readonly previousTerm: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
}

export interface SnapshotChunk extends Attached {
  readonly type: 'snapshot';
  readonly index: number;
  readonly indexTerm: number;
  readonly configuration: Configuration;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
}

export interface HeartbeatAck extends Attached {
  readonly type: 'heartbeat-ack';
}

export interface AppendAck extends Attached {
  readonly type: 'append-ack';
  readonly accepted: boolean;
  /** Accepted: the follower's log agrees up to here. Refused: the `previousIndex` refused. */
  readonly index: number;
  /** Refused: the follower's last entry that can agree, by its term; the leader goes on there. */
  readonly hintIndex: number;
  readonly hintTerm: number;
}

/** A piece arrived; the last one is answered by an accepting `append-ack` instead. */
export interface SnapshotAck extends Attached {
  readonly type: 'snapshot-ack';
  readonly index: number;
  /** The offset of the piece wanted next. */
  readonly offset: number;
}

interface Candidacy extends Envelope {
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/** Asks whether a vote in `term`, one above the sender's, would be given (§9.6). */
export interface PreVote extends Candidacy {
  readonly type: 'pre-vote';
}

export interface Vote extends Candidacy {
  readonly type: 'vote';
  /** The leader itself asked for this election: hearing it is no reason to refuse (§4.2.3). */
  readonly transfer: boolean;
}

export type RefusalReason = 'leader-heard' | 'term-behind' | 'log-behind';

/** Granted: `term` repeats the question's. Refused: it is the sender's own. */
export interface PreVoteReply extends Envelope {
  readonly type: 'pre-vote-reply';
  readonly granted: boolean;
  readonly reason: RefusalReason | null;
  /** Objector rule: the leader that the sender hears. */
  readonly leader: ServerId | null;
}

export interface VoteReply extends Envelope {
  readonly type: 'vote-reply';
  readonly granted: boolean;
}

/** The leader asks the receiver to campaign at once. */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeout-now';
}

/** A follower that misses its leader asks it directly; the answer is a heartbeat. */
export interface LeaderCheck extends Envelope {
  readonly type: 'leader-check';
}

/** A follower tells its leader that `candidate` no longer hears it. */
export interface Objected extends Envelope {
  readonly type: 'objected';
  readonly candidate: ServerId;
}

export type LeaderMessage = Heartbeat | Append | SnapshotChunk;
export type Ack = HeartbeatAck | AppendAck | SnapshotAck;
export type Message =
  | LeaderMessage
  | Ack
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | TimeoutNow
  | LeaderCheck
  | Objected;

export function isLeaderMessage(message: Message): message is LeaderMessage {
  return message.type === 'heartbeat' || message.type === 'append' || message.type === 'snapshot';
}

export function isAck(message: Message): message is Ack {
  return (
    message.type === 'heartbeat-ack' ||
    message.type === 'append-ack' ||
    message.type === 'snapshot-ack'
  );
}

/** Fills in the attachments of messages about to be sent, in order. */
export function attach(
  messages: readonly Message[],
  make: (message: LeaderMessage | Ack) => Uint8Array | null,
): void {
  for (const message of messages) {
    if (isLeaderMessage(message) || isAck(message)) message.attachment = make(message);
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Whether the numbers of a decoded message make sense together. Field types are the decoder's. */
export function isWellFormed(message: Message): boolean {
  if (!isCount(message.term)) return false;
  if ((isLeaderMessage(message) || isAck(message)) && !isCount(message.round)) return false;
  switch (message.type) {
    case 'heartbeat':
      return isCount(message.commit);
    case 'append':
      return isCount(message.commit) && areContiguous(message);
    case 'snapshot':
      return (
        [message.index, message.indexTerm, message.offset, message.totalBytes].every(isCount) &&
        message.offset + message.data.length <= message.totalBytes &&
        (message.data.length > 0 || message.totalBytes === 0) &&
        message.indexTerm <= message.term
      );
    case 'append-ack':
      return [message.index, message.hintIndex, message.hintTerm].every(isCount);
    case 'snapshot-ack':
      return isCount(message.index) && isCount(message.offset);
    case 'pre-vote':
    case 'vote':
      return isCount(message.lastIndex) && isCount(message.lastTerm);
    default:
      return true;
  }
}

function areContiguous({ term, previousIndex, previousTerm, entries }: Append): boolean {
  if (!isCount(previousIndex) || !isCount(previousTerm)) return false;
  let index = previousIndex;
  let last = previousTerm;
  for (const entry of entries) {
    index += 1;
    if (entry.index !== index || !isCount(entry.term) || entry.term < last) return false;
    last = entry.term;
  }
  return last <= term;
}
