/**
 * The entries of the ledger: everything that moves allocations, or that all servers must see alike
 * (DESIGN section 4). Applying one reads no clock and gives the same on every server.
 */
import { decode, encode } from '../codec.ts';
import { LmError } from '../errors.ts';
import { KEY_LIFETIME_MS_MAX } from '../limits.ts';
import { ID_BYTES } from '../seat-key.ts';

/**
 * Which proposal of which server an entry is. Numbers count from 1 in each session (ledger/
 * servers.ts); only the next one applies, so that one sent twice or left over from an earlier start
 * does nothing. One that is void for another reason still uses its number.
 */
export interface Author {
  readonly server: string;
  readonly session: number;
  readonly number: number;
}

/** The key that comes along when its client claims it from a fenced server (DESIGN section 7). */
export interface ClaimedKey {
  /** `idText` of the key. */
  readonly id: string;
  readonly count: number;
  readonly lifetimeMs: number;
  /** Wall time of the grant, for people. */
  readonly since: number;
  /** User, host, pid, address, and `idText` of the instance. */
  readonly holder: readonly [
    user: string,
    host: string,
    pid: number,
    address: string,
    instance: string,
  ];
}

/** A seat that leaves the network (DESIGN section 10). Applying it tells when that ends. */
export interface Commute {
  readonly days: number;
  /** Fingerprint of the machine that it is bound to. */
  readonly machine: string;
}

/** What may be proposed by any server, each with its author. */
export type Proposal =
  /**
   * The only way a seat changes account. With a `claim`, the key that it was issued for changes
   * servers with it, void unless `fence` is the newest of the server that it leaves.
   */
  | {
      readonly type: 'move';
      readonly license: string;
      readonly from: string;
      readonly to: string;
      readonly count: number;
      readonly claim: { readonly key: ClaimedKey; readonly fence: number } | null;
    }
  /**
   * A key ends at the fenced server `server`, and lives on at the author, which used seats of its
   * own for it; or, with `released`, nowhere: its client gave it back.
   */
  | {
      readonly type: 'end';
      readonly license: string;
      readonly key: ClaimedKey;
      readonly server: string;
      readonly fence: number;
      readonly released: boolean;
    }
  /**
   * Seats of the author's row become a record, without heartbeats: held for the key's lifetime, or
   * commuted until an end, within the days and the share that the license lets leave.
   */
  | {
      readonly type: 'record';
      readonly license: string;
      readonly key: ClaimedKey;
      readonly commute: Commute | null;
    }
  /** Held from now on anew. */
  | { readonly type: 'record-renew'; readonly license: string; readonly id: string }
  /** The record becomes a key of the author's, under the lifetime and for the holder given. */
  | { readonly type: 'record-take'; readonly license: string; readonly key: ClaimedKey }
  /**
   * Its seats are free: it was given back, or its time is over. `since`: the entry that its time
   * counts from, void unless it is the newest that held them; null where it was given back.
   */
  | {
      readonly type: 'record-end';
      readonly license: string;
      readonly id: string;
      readonly since: number | null;
    };

export type Entry =
  | (Proposal & { readonly by: Author })
  /** The server's grant window has ended. */
  | { readonly type: 'fenced'; readonly server: string }
  /** So has the time of its keys of these licenses: seats in its row may be lent. */
  | {
      readonly type: 'opened';
      readonly server: string;
      readonly fence: number;
      readonly licenses: readonly string[];
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
  /**
   * The pool is restarted from the servers of this RLF alone, which a majority of those before did
   * not agree to. All servers are fenced by it, and nobody returns before all are opened.
   */
  | {
      readonly type: 'epoch';
      readonly epoch: number;
      readonly sequence: number;
      readonly digest: string;
      readonly text: string;
    }
  /** The key may not be renewed, claimed or relayed; with force a commuted seat is free at once. */
  | { readonly type: 'evict'; readonly id: string; readonly force: boolean }
  /** A wall time that a majority's clocks have passed; license dates are judged by it. */
  | { readonly type: 'mark'; readonly time: number }
  /** The secret of the pool's tickets, 32 random bytes, and how often there was a new one. */
  | { readonly type: 'secret'; readonly generation: number; readonly secret: Uint8Array }
  /** From here on the pool writes this format; void unless it is a later one (ledger/format.ts). */
  | { readonly type: 'format'; readonly format: number };

/** An entry in its place; null where it is one of Raft's own. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly entry: Entry | null;
}

export function encodeEntry(entry: Entry): Uint8Array {
  return encode(entry);
}

export function decodeEntry(bytes: Uint8Array): Entry {
  const entry = decode(bytes) as Entry;
  // The byte string of a secret is a view of the entry's bytes, which are not ours to keep.
  return entry.type === 'secret' ? { ...entry, secret: entry.secret.slice() } : entry;
}

export function encodeProposal(proposal: Proposal): Uint8Array {
  return encode(proposal);
}

/** @throws LmError `protocol`: what another server proposes is applied by all, so it is checked. */
export function decodeProposal(bytes: Uint8Array): Proposal {
  const proposal = decode(bytes) as Proposal;
  if (isProposal(proposal)) return proposal;
  throw new LmError(
    'protocol',
    'A server of the pool proposed what this version does not understand.',
    'Bring all servers to versions of lm that work together.',
  );
}

function isProposal(proposal: Proposal): boolean {
  if (typeof proposal !== 'object' || proposal === null) return false;
  if (typeof proposal.license !== 'string') return false;
  switch (proposal.type) {
    case 'move': {
      const { from, to, count, claim } = proposal;
      if (typeof from !== 'string' || typeof to !== 'string' || !isCount(count)) return false;
      return claim === null || (isKey(claim?.key) && isCount(claim.fence));
    }
    case 'end': {
      const { key, server, fence, released } = proposal;
      const isFenced = typeof server === 'string' && isCount(fence);
      return isKey(key) && isFenced && typeof released === 'boolean';
    }
    case 'record':
      return isKey(proposal.key) && isCommute(proposal.commute ?? null);
    case 'record-take':
      return isKey(proposal.key);
    case 'record-renew':
      return typeof proposal.id === 'string';
    case 'record-end':
      return (
        typeof proposal.id === 'string' && (proposal.since === null || isCount(proposal.since))
      );
    default:
      return false;
  }
}

function isKey(key: ClaimedKey | undefined): boolean {
  if (typeof key !== 'object' || key === null) return false;
  const { id, count, lifetimeMs, since, holder } = key;
  if (typeof id !== 'string' || id.length !== ID_BYTES || !isCount(count) || count === 0)
    return false;
  if (!isCount(lifetimeMs) || lifetimeMs > KEY_LIFETIME_MS_MAX || !Number.isFinite(since))
    return false;
  const types = ['string', 'string', 'number', 'string', 'string'];
  return Array.isArray(holder) && types.every((type, at) => typeof holder[at] === type);
}

function isCommute(commute: Commute | null): boolean {
  if (commute === null) return true;
  return isCount(commute.days) && typeof commute.machine === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
