/** What a seed decides about its run: which faults there are, and how often ("swarm"). */
import type { Durations, RaftLimits } from '../../../src/engine/raft/options.ts';
import type { Random } from './random.ts';

export interface RunOptions {
  readonly servers: number;
  readonly faultyMs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  /** The chance that a message takes long and so is overtaken. */
  readonly slowChance: number;
  readonly slowMsMax: number;
  readonly flushMsMax: number;
  /** Mean times between faults of a kind; 0 for never. */
  readonly cutEveryMs: number;
  readonly crashEveryMs: number;
  /** The chance of a crash right after a vote is given, or at the first appends of a term. */
  readonly vultureChance: number;
  readonly suspendEveryMs: number;
  readonly changeEveryMs: number;
  readonly transferEveryMs: number;
  readonly resetEveryMs: number;
  readonly proposeEveryMs: number;
  readonly compactEveryEntries: number;
  readonly trailingEntries: number;
  readonly entriesPerMessageMax: number;
  /** The smaller, the more often two servers campaign at once. */
  readonly campaignSpreadMs: number;
  readonly driftMax: number;
  /** The state machine is written with the records, and need not be rebuilt at a start. */
  readonly machineOnDisk: boolean;
}

export const DURATIONS: Durations = {
  heartbeatMs: 50,
  leaderMissingMs: 200,
  leaderCheckMs: 30,
  electionMs: 60,
  transferMs: 200,
};

/** Small, so that every limit is met. */
export function limitsOf({ trailingEntries, entriesPerMessageMax }: RunOptions): RaftLimits {
  return {
    entriesPerMessageMax,
    bytesPerMessageMax: 512,
    entriesInFlightMax: 3 * entriesPerMessageMax,
    bytesInFlightMax: 1_024,
    uncommittedEntriesMax: 64,
    uncommittedBytesMax: 16_384,
    snapshotChunkBytes: 64,
    snapshotBytesMax: 4_096,
    trailingEntries,
    serversMax: 7,
  };
}

export function drawOptions(random: Random): RunOptions {
  const pick = (values: readonly number[]): number => random.pick(values) ?? 0;
  return {
    servers: pick([1, 2, 3, 3, 3, 4, 5, 5]),
    faultyMs: pick([10_000, 20_000]),
    lossChance: pick([0, 0, 0.02, 0.1, 0.25]),
    duplicateChance: pick([0, 0.02, 0.1]),
    slowChance: pick([0, 0.05, 0.2]),
    slowMsMax: pick([30, 150, 600]),
    flushMsMax: pick([2, 10, 60]),
    cutEveryMs: pick([0, 500, 1_500, 4_000]),
    crashEveryMs: pick([0, 400, 1_500, 4_000]),
    vultureChance: pick([0, 0.02, 0.2]),
    suspendEveryMs: pick([0, 0, 2_000]),
    changeEveryMs: pick([0, 150, 700, 2_000]),
    transferEveryMs: pick([0, 0, 1_000]),
    resetEveryMs: pick([0, 1_000]),
    proposeEveryMs: pick([5, 20, 100]),
    compactEveryEntries: pick([5, 20, 100, 1_000_000]),
    trailingEntries: pick([0, 5, 50]),
    entriesPerMessageMax: pick([1, 8, 8]),
    campaignSpreadMs: pick([2, 10, 40]),
    driftMax: pick([0, 0.01]),
    machineOnDisk: random.chance(0.3),
  };
}
