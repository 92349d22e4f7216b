/**
 * The entries of the ledger: everything that moves allocations, or that all servers must see alike
 * (DESIGN section 4). Applying one reads no clock and gives the same on every server.
 */
import { decode, encode } from '../codec.ts';

export type Entry =
  /** Raft's no-op: a leader's first of its term. */
  | { readonly type: 'term' }
  /** The only way a seat changes account. */
  | {
      readonly type: 'move';
      readonly license: string;
      readonly from: string;
      readonly to: string;
      readonly count: number;
    }
  /** A server is back: every start needs it before it issues. `fence` is the one it answers. */
  | {
      readonly type: 'returned';
      readonly server: string;
      readonly boot: number;
      readonly fence: number | null;
    }
  | {
      readonly type: 'rlf';
      readonly sequence: number;
      readonly digest: string;
      readonly text: string;
    }
  /** A wall time that a majority's clocks have passed; license dates are judged by it. */
  | { readonly type: 'mark'; readonly time: number }
  /** The secret of the pool's tickets, 32 random bytes, and how often there was a new one. */
  | { readonly type: 'secret'; readonly generation: number; readonly secret: Uint8Array };

/** An entry in its place. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly entry: Entry;
}

export function encodeLogEntry({ term, entry }: LogEntry): Uint8Array {
  return encode([term, entry]);
}

export function decodeLogEntry(index: number, bytes: Uint8Array): LogEntry {
  const [term, entry] = decode(bytes) as [number, Entry];
  // The byte string of a secret is a view of the record's bytes, which are not ours to keep.
  if (entry.type !== 'secret') return { index, term, entry };
  return { index, term, entry: { ...entry, secret: entry.secret.slice() } };
}
