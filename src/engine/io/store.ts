/** Where records are kept. The core and the node loop see bytes; spaces are the first key byte. */
import type { RecordSource, Write } from '../records.ts';

export type { Write } from '../records.ts';

export interface Store extends RecordSource {
  /** The number of the last transaction on disk. */
  readonly transaction: number;

  /**
   * Writes all or nothing, and returns once it is on disk: the number of the transaction, one more
   * than the last. Any failure throws, and then the process must end.
   */
  commit(writes: readonly Write[]): number;

  /** The value, the caller's to keep, or null. Throws `bad-data` for a damaged record. */
  get(key: Uint8Array): Uint8Array | null;

  /**
   * The records whose key begins with `prefix` (at least one byte), in key order, as they were when
   * the scan began; keys and values are the caller's to keep. Throws `bad-data` for a damaged one.
   */
  scan(prefix: Uint8Array): Iterable<[key: Uint8Array, value: Uint8Array]>;

  /** Frees the file. Nothing is pending: `commit` has written everything. */
  close(): Promise<void>;
}
