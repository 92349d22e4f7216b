/**
 * A disk with the promises of LMDB and no more: a transaction is there whole or not at all, and for
 * certain only once `commit` returned. A crash or a failed flush in the midst of it may go either way.
 */
import type { RecordSource, Write } from '../../src/engine/records.ts';

/** How a commit goes: done; or it fails, with what was written kept by chance or lost. */
export type Fate = 'flushed' | 'failed, kept' | 'failed, lost';

/** Not a defect: the machine, or its disk, gave up. */
export class SimulatedCrash extends Error {}

/** All that a disk held at one moment. */
export interface DiskImage {
  readonly records: ReadonlyMap<string, Uint8Array>;
  readonly transaction: number;
}

export class Disk implements RecordSource {
  #records = new Map<string, Uint8Array>();
  /** The number of the last transaction that it holds. */
  transaction = 0;
  readonly #fate: () => Fate;
  readonly #onKept: (writes: readonly Write[]) => void;

  constructor(fate: () => Fate, onKept: (writes: readonly Write[]) => void) {
    this.#fate = fate;
    this.#onKept = onKept;
  }

  commit(writes: readonly Write[]): void {
    const fate = this.#fate();
    if (fate !== 'failed, lost') this.#keep(writes);
    if (fate !== 'flushed') throw new SimulatedCrash(fate);
  }

  get(key: Uint8Array): Uint8Array | null {
    return this.#records.get(textOf(key)) ?? null;
  }

  *scan(prefix: Uint8Array): Iterable<readonly [Uint8Array, Uint8Array]> {
    const start = textOf(prefix);
    // One character a byte: the order of texts is the order of bytes.
    for (const text of [...this.#records.keys()].filter((key) => key.startsWith(start)).sort()) {
      const value = this.#records.get(text);
      if (value !== undefined) yield [Buffer.from(text, 'latin1'), value];
    }
  }

  /** A copy that later writes leave alone. */
  image(): DiskImage {
    return { records: new Map(this.#records), transaction: this.transaction };
  }

  /** What was written since that image is gone. */
  restore({ records, transaction }: DiskImage): void {
    this.#records = new Map(records);
    this.transaction = transaction;
  }

  #keep(writes: readonly Write[]): void {
    this.transaction++;
    for (const { key, value } of writes) {
      if (value === null) this.#records.delete(textOf(key));
      // The bytes are the writer's, who may use them again.
      else this.#records.set(textOf(key), value.slice());
    }
    this.#onKept(writes);
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
