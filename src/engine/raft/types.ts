/** What Raft stores: entries, configurations, hard state and snapshots. */

/** A server's Raft id: the fingerprint of its key, never its name (DESIGN section 5). */
export type ServerId = string;

/** Who is in the pool. Both lists are sorted, without duplicates and disjoint. */
export interface Configuration {
  /** Servers that vote and that a majority is counted over. */
  readonly voters: readonly ServerId[];
  /** Servers that receive the log but do not count (dissertation §4.2.1). */
  readonly learners: readonly ServerId[];
  /**
   * All voters are needed, not a majority: of servers that restart without one of the configuration
   * before only all together know everything that any of them applied. Never in the log.
   */
  readonly unanimous?: true;
}

interface Position {
  readonly index: number;
  readonly term: number;
}

/** One place in the log. Only `data` means something outside Raft. */
export type Entry =
  /** The first entry of every term: committing it commits what earlier terms left (§8). */
  | (Position & { readonly kind: 'no-op' })
  /** The whole configuration from here on, in force as soon as it is appended (§4.1). */
  | (Position & { readonly kind: 'configuration'; readonly configuration: Configuration })
  | (Position & { readonly kind: 'data'; readonly data: Uint8Array });

/** What a server must never forget, whatever happens to it (Figure 2, persistent state). */
export interface HardState {
  readonly term: number;
  readonly votedFor: ServerId | null;
}

/** The state machine after the entry at `index`, and the configuration in force there (§7). */
export interface Snapshot extends Position {
  readonly configuration: Configuration;
  readonly data: Uint8Array;
}

/**
 * What to write, in this order: the snapshot (entries up to its index are no longer needed), then
 * the entries (whatever is stored from `from` on is removed first, also when the list is empty),
 * then the hard state. Records of several steps go to disk in the order of their batches.
 */
export interface Records {
  /** Rises by one with each step that has records; `persisted` quotes it. */
  readonly batch: number;
  readonly snapshot: Snapshot | null;
  readonly entries: { readonly from: number; readonly list: readonly Entry[] } | null;
  readonly hardState: HardState | null;
}

/** What a server starts from: what it last flushed, or one of the two below. */
export interface Stored {
  readonly hardState: HardState;
  readonly snapshot: Snapshot;
  /** Contiguous; those at or before the snapshot are skipped. */
  readonly entries: readonly Entry[];
  /** The last entry that the state machine knows as applied; at least the snapshot's index. */
  readonly applied: number;
  /** Configurations in the log of an earlier term do not count: another one replaced them. */
  readonly configurationsFrom?: number;
}

const NO_DATA = new Uint8Array(0);

/** The configuration that a pool begins with. */
export function foundingConfiguration(voters: readonly ServerId[]): Configuration {
  return { voters: [...voters].sort(), learners: [] };
}

/**
 * The common beginning of a pool's first servers. It stands at index 1, so a server that joins
 * later (and has nothing) can only be brought up by a snapshot, which tells it the configuration.
 */
export function foundingState(voters: readonly ServerId[], data: Uint8Array = NO_DATA): Stored {
  const configuration = foundingConfiguration(voters);
  return {
    hardState: { term: 1, votedFor: null },
    snapshot: { index: 1, term: 1, configuration, data },
    entries: [],
    applied: 1,
  };
}

/** The beginning of a server that joins a pool: it knows nothing and does not campaign. */
export function joiningState(): Stored {
  const configuration = { voters: [], learners: [] };
  return {
    hardState: { term: 0, votedFor: null },
    snapshot: { index: 0, term: 0, configuration, data: NO_DATA },
    entries: [],
    applied: 0,
  };
}

const ENTRY_OVERHEAD_BYTES = 32;
const SERVER_ID_BYTES = 80;

/** How much an entry counts against the limits on messages and queues. */
export function entryBytes(entry: Entry): number {
  switch (entry.kind) {
    case 'no-op':
      return ENTRY_OVERHEAD_BYTES;
    case 'data':
      return ENTRY_OVERHEAD_BYTES + entry.data.length;
    case 'configuration': {
      const { voters, learners } = entry.configuration;
      return ENTRY_OVERHEAD_BYTES + SERVER_ID_BYTES * (voters.length + learners.length);
    }
  }
}
