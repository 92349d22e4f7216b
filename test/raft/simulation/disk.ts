/** A disk: what was flushed survives a crash, whole batches at a time. */
import type {
  Entry,
  HardState,
  Records,
  Snapshot,
  Stored,
} from '../../../src/engine/raft/types.ts';
import type { MachineState } from './machine.ts';

export class Disk {
  hardState: HardState;
  snapshot: Snapshot;
  entries: Entry[];
  /** The state machine, where it is written along with the records; else it is rebuilt. */
  machine: MachineState | null = null;

  constructor({ hardState, snapshot, entries }: Stored) {
    this.hardState = hardState;
    this.snapshot = snapshot;
    this.entries = [...entries];
  }

  write({ snapshot, entries, hardState }: Records): void {
    if (snapshot !== null) {
      this.snapshot = snapshot;
      this.entries = this.entries.filter((entry) => entry.index > snapshot.index);
    }
    if (entries !== null) {
      this.entries = this.entries.filter((entry) => entry.index < entries.from);
      this.entries.push(...entries.list.filter((entry) => entry.index > this.snapshot.index));
    }
    if (hardState !== null) this.hardState = hardState;
  }

  /** Whether this disk, as it is, keeps the entry: itself or in a snapshot. */
  holds(index: number, term: number): boolean {
    if (index <= this.snapshot.index) return true;
    return this.entries.find((entry) => entry.index === index)?.term === term;
  }

  stored(): Stored {
    const { hardState, snapshot, entries } = this;
    const applied = Math.max(this.machine?.applied ?? 0, snapshot.index);
    return { hardState, snapshot, entries: [...entries], applied };
  }
}
