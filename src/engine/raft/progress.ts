/** What a leader knows about another server's log, and what it may send it next. */
import type { Log } from './log.ts';
import type { RaftLimits } from './options.ts';
import type { Snapshot } from './types.ts';

/**
 * `probe`: the leader looks for the place where the logs agree, one message at a time.
 * `replicate`: it is found; messages follow each other without waiting, within the limits.
 * `snapshot`: what the follower needs is no longer in the log; pieces of a snapshot flow.
 */
export type ProgressMode = 'probe' | 'replicate' | 'snapshot';

export class Progress {
  mode: ProgressMode = 'probe';
  /** The follower has everything up to here, on its disk, as the leader has it. */
  match = 0;
  /** The next entry to send. Invariant: match < next. */
  next: number;
  /** The heartbeat round in which the last append or piece was sent; a probe waits after one. */
  sentRound = 0;
  waiting = false;
  /** The commit index that the last append told. */
  sentCommit = 0;
  /** The newest round acked, and when an ack last arrived (any message of the leader). */
  ackedRound = 0;
  ackedAt: number;
  /** The snapshot on its way, and the offset of the piece that was sent last. */
  transfer: { readonly snapshot: Snapshot; offset: number } | null = null;

  constructor(next: number, now: number) {
    this.next = next;
    this.ackedAt = now;
  }

  becomeProbe(): void {
    this.mode = 'probe';
    this.waiting = false;
    this.transfer = null;
    this.next = this.match + 1;
  }

  becomeReplicate(): void {
    this.mode = 'replicate';
    this.waiting = false;
    this.transfer = null;
    this.next = this.match + 1;
  }

  becomeSnapshot(snapshot: Snapshot): void {
    this.mode = 'snapshot';
    this.waiting = false;
    this.transfer = { snapshot, offset: 0 };
  }

  /** The follower agrees up to `index`. Returns whether that is news. */
  accept(index: number, baseIndex: number): boolean {
    const isNews = index > this.match;
    this.match = Math.max(this.match, index);
    this.next = Math.max(this.next, this.match + 1);
    const goal = Math.min(this.transfer?.snapshot.index ?? 0, baseIndex);
    if (this.mode === 'probe' || (this.mode === 'snapshot' && this.match >= goal)) {
      this.becomeReplicate();
    }
    return isNews;
  }

  /**
   * The follower refused an append after `refused`; it can agree at `hint` at the latest. Returns
   * whether to send again: an answer to an older message says nothing new.
   */
  refuse(refused: number, hint: number): boolean {
    if (this.mode === 'snapshot' || refused <= this.match) return false;
    if (this.mode === 'replicate') {
      if (refused >= this.next) return false;
      this.becomeProbe();
      return true;
    }
    if (refused !== this.next - 1) return false;
    this.next = Math.max(Math.min(refused, hint + 1), this.match + 1);
    this.waiting = false;
    return true;
  }

  /** How many entries and bytes may be sent now. */
  room(log: Log, limits: RaftLimits): { entries: number; bytes: number } {
    const inFlight = this.mode === 'replicate' ? this.next - 1 - this.match : 0;
    const bytesInFlight = log.bytesBetween(this.next - 1 - inFlight, this.next - 1);
    // A single entry may exceed what is left, or nothing larger than the limit would ever be sent.
    if (inFlight > 0 && bytesInFlight >= limits.bytesInFlightMax) return { entries: 0, bytes: 0 };
    return {
      entries: Math.min(limits.entriesPerMessageMax, limits.entriesInFlightMax - inFlight),
      bytes: Math.min(limits.bytesPerMessageMax, limits.bytesInFlightMax - bytesInFlight),
    };
  }
}
