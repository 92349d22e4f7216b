/** What Raft shows of itself, to the pool and to people. */
import type { Role } from './events.ts';
import type { ProgressMode } from './progress.ts';
import type { RaftState } from './state.ts';
import type { Configuration, ServerId } from './types.ts';

export interface PeerStatus {
  readonly mode: ProgressMode;
  readonly match: number;
  readonly ackedRound: number;
}

export interface RaftStatus {
  readonly id: ServerId;
  readonly role: Role;
  readonly term: number;
  readonly votedFor: ServerId | null;
  readonly leader: ServerId | null;
  /** Leader: an entry of its own term is applied. */
  readonly established: boolean;
  readonly round: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly committed: number;
  readonly applied: number;
  readonly snapshotIndex: number;
  /** The newest in the log, and whether it is committed. */
  readonly configuration: Configuration;
  readonly configurationIndex: number;
  /** To whom leadership is being transferred. */
  readonly transferringTo: ServerId | null;
  /** Leader only, by id. */
  readonly peers: ReadonlyMap<ServerId, PeerStatus>;
}

export function statusOf(raft: RaftState): RaftStatus {
  const { id, role, term, votedFor, leader, log } = raft;
  const peers = [...raft.progress].map(
    ([peer, { mode, match, ackedRound }]) => [peer, { mode, match, ackedRound }] as const,
  );
  return {
    id,
    role,
    term,
    votedFor,
    leader,
    established: raft.established,
    round: raft.round,
    firstIndex: log.baseIndex + 1,
    lastIndex: log.lastIndex,
    lastTerm: log.lastTerm,
    committed: log.committed,
    applied: log.applied,
    snapshotIndex: log.snapshot.index,
    configuration: raft.configuration,
    configurationIndex: log.configurations.newest.index,
    transferringTo: raft.transfer?.to ?? null,
    peers: new Map(peers),
  };
}
