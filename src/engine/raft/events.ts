/** What goes into `Raft.step`, and what comes out of it. */
import type { Message, RefusalReason } from './messages.ts';
import type { Configuration, Entry, Records, ServerId, Snapshot } from './types.ts';

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** One server at a time (dissertation §4.1). `promote` makes a caught-up learner a voter. */
export interface ConfigurationChange {
  readonly action: 'add-learner' | 'promote' | 'remove';
  readonly server: ServerId;
}

type Cause =
  /** Time has passed: due at `Effects.wakeAt`, harmless at any other time. */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly message: Message }
  /** Everything up to and including this batch of records is on disk. */
  | { readonly type: 'persisted'; readonly batch: number }
  | { readonly type: 'propose'; readonly data: readonly Uint8Array[] }
  | { readonly type: 'change'; readonly change: ConfigurationChange }
  | { readonly type: 'transfer'; readonly to: ServerId }
  /** A connection to this server was refused or reset: counts as no ack, at once. */
  | { readonly type: 'gone'; readonly peer: ServerId }
  /** The state machine after applying `index`, as bytes: the log before it can go. */
  | { readonly type: 'compact'; readonly index: number; readonly data: Uint8Array }
  /** What `campaignDelayMs` answers has changed: ask again, for the same cause and moment. */
  | { readonly type: 'reconsider' }
  /** Gives up leadership or a candidacy, say because the clock jumped. */
  | { readonly type: 'step-down' }
  /** Campaigns at once, still by pre-vote. */
  | { readonly type: 'campaign' };

/** `now`: this server's boot-time milliseconds. A time before the last one counts as the last. */
export type Event = { readonly now: number } & Cause;

export type ProposalRefusal =
  | 'not-leader'
  /** No entry of the leader's own term is committed yet (§4.1). */
  | 'not-established'
  | 'transferring'
  | 'change-pending'
  | 'backlog'
  | 'no-such-server'
  | 'already-member'
  | 'learner-behind'
  | 'last-voter'
  | 'too-many-servers';

/** What became of a `propose`, `change` or `transfer` event. */
export type Outcome =
  /** Appended (the last one) at `index`. It is committed when an `apply` shows it in this term. */
  | { readonly accepted: true; readonly index: number; readonly term: number }
  | {
      readonly accepted: false;
      readonly reason: ProposalRefusal;
      readonly leader: ServerId | null;
    };

/** What happened, in order. `term` is the term that it happened in. */
export type Notice =
  /** Role, term or known leader changed. */
  | {
      readonly type: 'role';
      readonly role: Role;
      readonly term: number;
      readonly leader: ServerId | null;
    }
  /** A heartbeat round begins now; its messages are sent with this step's. */
  | { readonly type: 'round'; readonly term: number; readonly round: number }
  /** A message of the leader of this term arrived. */
  | {
      readonly type: 'heard';
      readonly from: ServerId;
      readonly term: number;
      readonly round: number;
      readonly attachment: Uint8Array | null;
    }
  /** This leader's message of `round` was acked, in this term. */
  | {
      readonly type: 'acked';
      readonly from: ServerId;
      readonly term: number;
      readonly round: number;
      readonly attachment: Uint8Array | null;
    }
  /** Committed and on this server's disk: apply them, in order. Never twice in a run. */
  | { readonly type: 'apply'; readonly entries: readonly Entry[] }
  /** The state machine is replaced by this one, received from the leader. */
  | { readonly type: 'restored'; readonly snapshot: Snapshot }
  /** This leader has applied an entry of its own term, and so everything of earlier terms. */
  | { readonly type: 'established'; readonly term: number; readonly index: number }
  /** The newest configuration in the log changed, by an append or by a truncation. */
  | {
      readonly type: 'configuration';
      readonly index: number;
      readonly configuration: Configuration;
    }
  /** This server's pre-vote was refused. */
  | {
      readonly type: 'refused';
      readonly by: ServerId;
      readonly reason: RefusalReason;
      readonly leader: ServerId | null;
    }
  /** This server refused `candidate`, because it hears (or is) the leader. */
  | { readonly type: 'objected'; readonly candidate: ServerId; readonly leader: ServerId }
  | { readonly type: 'transfer-failed'; readonly to: ServerId }
  /** A message was dropped because its numbers make no sense. */
  | { readonly type: 'malformed'; readonly from: ServerId };

/**
 * Persist, then send, then apply: `messages` go out only when the records of this step and of every
 * step before it are flushed; a `persisted` event then says so.
 */
export interface Effects {
  readonly records: Records | null;
  readonly messages: readonly Message[];
  readonly notices: readonly Notice[];
  readonly outcome: Outcome | null;
  /** When the next `tick` is due; null when only another event can change something. */
  readonly wakeAt: number | null;
}
