/** What the parts of Raft share: one server's state, and the effects of the step under way. */
import { assert } from '../errors.ts';
import type { Effects, Notice, Outcome, Role } from './events.ts';
import { Log } from './log.ts';
import type { Message, SnapshotChunk } from './messages.ts';
import { checkOptions, type RaftOptions } from './options.ts';
import type { Progress } from './progress.ts';
import type { Configuration, Records, ServerId, Stored } from './types.ts';

/** A campaign that is due, and what its delay was asked for (to ask again on `reconsider`). */
export interface PlannedCampaign {
  readonly cause: Parameters<RaftOptions['campaignDelayMs']>[0]['cause'];
  /** The delay counts from here. */
  readonly from: number;
  readonly at: number;
}

/** A snapshot of which the first pieces have arrived. */
export interface IncomingSnapshot {
  readonly from: ServerId;
  readonly index: number;
  readonly indexTerm: number;
  readonly pieces: SnapshotChunk['data'][];
  bytes: number;
}

export class RaftState {
  readonly options: RaftOptions;
  readonly log: Log;
  now: number;

  /** Invariant: never falls. */
  term: number;
  /** Who got this server's vote in this term. */
  votedFor: ServerId | null;
  role: Role = 'follower';
  leader: ServerId | null = null;

  /** Follower and candidates. */
  heardAt: number | null = null;
  lastLeader: ServerId | null = null;
  planned: PlannedCampaign | null = null;
  /** Attempts that failed since a leader was heard. */
  campaignRound = 0;
  /** How long an attempt lasts, in times of `electionMs`: grows where answers come too late. */
  patience = 1;
  /** The last attempt ended by time, and none of its answers has come yet. */
  answersDue = false;
  objected = false;
  votes = new Map<ServerId, boolean>();
  electionEndsAt: number | null = null;
  /** The batch that carries this candidate's vote for itself: it counts once that is on disk. */
  ownVoteBatch: number | null = null;
  isTransferCampaign = false;
  incoming: IncomingSnapshot | null = null;

  /** Leader. Sorted by id, and kept for a removed server until its removal is committed. */
  progress = new Map<ServerId, Progress>();
  round = 0;
  heartbeatAt = 0;
  established = false;
  transfer: { readonly to: ServerId; readonly endsAt: number } | null = null;

  batch = 0;
  #savedTerm: number;
  #savedVote: ServerId | null;
  #shownConfigurationIndex: number;
  #messages: Message[] = [];
  #notices: Notice[] = [];

  constructor(options: RaftOptions, stored: Stored, now: number) {
    checkOptions(options);
    this.options = options;
    this.log = new Log(stored);
    this.now = now;
    this.term = stored.hardState.term;
    this.votedFor = stored.hardState.votedFor;
    this.#savedTerm = this.term;
    this.#savedVote = this.votedFor;
    this.#shownConfigurationIndex = this.log.configurations.newest.index;
    assert(this.term >= this.log.lastTerm, 'a term is stored before its entries');
  }

  get id(): ServerId {
    return this.options.id;
  }

  /** The newest in the log, committed or not. */
  get configuration(): Configuration {
    return this.log.configurations.newest.configuration;
  }

  get isVoter(): boolean {
    return this.configuration.voters.includes(this.id);
  }

  /**
   * A voter may campaign, and so may a server whose removal may not be committed yet: without it
   * the others may have no majority (dissertation §4.2.2).
   */
  get mayCampaign(): boolean {
    if (this.isVoter) return true;
    const { newest, previous } = this.log.configurations;
    if (newest.index <= this.log.committed || previous === null) return false;
    return previous.configuration.voters.includes(this.id);
  }

  /** Whether this server hears (or is) the leader, and so refuses other candidates (§4.2.3). */
  get hearsLeader(): boolean {
    if (this.role === 'leader') return true;
    if (this.leader === null || this.heardAt === null) return false;
    return this.now - this.heardAt < this.options.durations.leaderMissingMs;
  }

  send(message: Message): void {
    if (message.to !== this.id) this.#messages.push(message);
  }

  notify(notice: Notice): void {
    this.#notices.push(notice);
  }

  setTerm(term: number, votedFor: ServerId | null): void {
    assert(term >= this.term, 'the term never falls');
    assert(
      term > this.term || this.votedFor === null || this.votedFor === votedFor,
      'one vote a term',
    );
    this.term = term;
    this.votedFor = votedFor;
  }

  setRole(role: Role, leader: ServerId | null): void {
    this.role = role;
    this.leader = leader;
    if (leader !== null) this.lastLeader = leader;
    this.notify({ type: 'role', role, term: this.term, leader });
  }

  /** Ends a step: what to persist, send and tell. */
  takeEffects(outcome: Outcome | null, wakeAt: number | null): Effects {
    this.#applyCommitted();
    const records = this.#takeRecords();
    const messages = this.#messages;
    const notices = this.#notices;
    this.#messages = [];
    this.#notices = [];
    this.log.check();
    return { records, messages, notices, outcome, wakeAt };
  }

  #applyCommitted(): void {
    const { newest } = this.log.configurations;
    if (newest.index !== this.#shownConfigurationIndex) {
      this.#shownConfigurationIndex = newest.index;
      this.notify({ type: 'configuration', ...newest });
    }
    const entries = this.log.takeCommitted();
    if (entries.length > 0) this.notify({ type: 'apply', entries });
    const { applied } = this.log;
    if (this.role !== 'leader' || this.established || this.log.term(applied) !== this.term) return;
    this.established = true;
    this.notify({ type: 'established', term: this.term, index: applied });
  }

  #takeRecords(): Records | null {
    const batch = this.batch + 1;
    const { snapshot, entries } = this.log.takeUnsaved(batch);
    const { term, votedFor } = this;
    const isDirty = term !== this.#savedTerm || votedFor !== this.#savedVote;
    if (snapshot === null && entries === null && !isDirty) return null;
    this.#savedTerm = term;
    this.#savedVote = votedFor;
    this.batch = batch;
    return { batch, snapshot, entries, hardState: isDirty ? { term, votedFor } : null };
  }
}

/** Whom a leader sends to: the newest configuration and, until it is committed, the previous. */
export function audience({ log, id }: RaftState): ServerId[] {
  const { newest, previous } = log.configurations;
  const ids = new Set([...newest.configuration.voters, ...newest.configuration.learners]);
  if (newest.index > log.committed && previous !== null) {
    for (const other of previous.configuration.voters) ids.add(other);
    for (const other of previous.configuration.learners) ids.add(other);
  }
  ids.delete(id);
  return [...ids].sort();
}
