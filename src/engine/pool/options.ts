/** What a server's place in the pool is made of, and what it tells the rest of the core. */
import type { Outbox } from '../effects.ts';
import type { Applied } from '../ledger/state.ts';
import type { Rlf } from '../license/types.ts';
import type { Program } from '../program.ts';
import type { ServerId } from '../raft/types.ts';
import type { RecordSource } from '../records.ts';
import type { Start } from '../starts.ts';
import type { Time } from '../time.ts';
import type { LineWord } from './word.ts';

export interface PoolOptions {
  /** This server's id: the fingerprint of its TLS key, never its name. */
  readonly server: ServerId;
  /** How often it started, this time included. */
  readonly boot: number;
  /** The number of the last transaction on its disk. */
  readonly transaction: number;
  /** A whole number drawn for this start. */
  readonly start: number;
  /** The starts before, newest first. Default: none that are known. */
  readonly earlier?: readonly Start[];
  /** The RLF that founds the pool, or by which a new server knows it; null for one with records. */
  readonly founding: Rlf | null;
  /** It founds nothing: without records it waits to be taken into the pool. */
  readonly joins?: boolean;
  /** What runs this server. */
  readonly program: Program;
  /** 32 random bytes, for a pool that has no ticket secret yet. */
  readonly secret: Uint8Array;
  readonly source: RecordSource;
  readonly outbox: Outbox;
  readonly time: Time;
  /** License time here, for the mark. */
  readonly licenseTime: (time: Time) => number;
}

/** What the rest of the core hears of the ledger. */
export interface PoolHooks {
  applied(applied: Applied): void;
  /**
   * The state is another server's snapshot; `before` was the last entry applied here. What was
   * proposed up to `proposal` is over, one way or the other.
   */
  restored(by: { readonly before: number; readonly proposal: number }): void;
  /** What this server has to know of the lines of the pool: of these licenses, and no others. */
  lines(words: readonly LineWord[]): void;
  /** Pool time is counted anew: who waits here came that much later by it. */
  shifted(byMs: number): void;
  /** This server's session ended, or another began: what it proposed before is void. */
  sessionChanged(): void;
}
