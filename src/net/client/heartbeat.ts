/**
 * One heartbeat at one server, and what came of it (DESIGN section 7). With a fence it is a claim:
 * the seat of a fenced server comes along to this one.
 */
import type { LmError } from '../../engine/errors.ts';
import { type Heartbeat, MessageType } from '../protocol.ts';
import { type Connection, failureIn, unexpected } from './connection.ts';
import { HEARTBEAT_REPLY_MS_MIN, HEARTBEAT_REPLY_SHARE, REPLY_MS_MAX } from './limits.ts';
import { errorFrom } from './replies.ts';

export interface Beat {
  readonly key: Uint8Array;
  readonly ticket: Uint8Array;
  /** Null where it is not known. */
  readonly lifetimeMs: number | null;
  /**
   * The fence that a server named, or null. Invariant: quoted only while the seat's lifetime runs,
   * since after it the seat may be someone else's.
   */
  readonly fence: number | null;
  /** Seats that are held become ordinary ones, kept alive by heartbeats. */
  readonly takes?: boolean | undefined;
}

export type BeatAnswer =
  | {
      readonly kind: 'alive';
      readonly ticket: Uint8Array;
      readonly lifetimeMs: number;
      /** When the heartbeat was sent: the lifetime counts from here (boot-time clock). */
      readonly sentAt: number;
      /** The server that the seat was claimed for, or null where it lives where it lived. */
      readonly claimedBy: string | null;
    }
  | { readonly kind: 'fenced'; readonly fence: number; readonly server: string }
  | { readonly kind: 'gone'; readonly code: string; readonly error: LmError };

/** @throws LmError `unreachable` with the connection closed, or what the server found wrong. */
export async function sendHeartbeat(connection: Connection, beat: Beat): Promise<BeatAnswer> {
  const { key, ticket, lifetimeMs, fence, takes = false } = beat;
  const build = (sequence: number): Heartbeat => {
    const { heartbeat } = MessageType;
    if (takes) return [heartbeat, sequence, key, ticket, fence, true];
    return fence === null
      ? [heartbeat, sequence, key, ticket]
      : [heartbeat, sequence, key, ticket, fence];
  };
  const { message, sentAt } = await connection.call(build, replyMsMax(lifetimeMs));
  switch (message[0]) {
    case MessageType.alive: {
      const claimedBy = fence === null ? null : connection.server;
      const [, , renewed, renewedMs] = message;
      return { kind: 'alive', ticket: renewed.slice(), lifetimeMs: renewedMs, sentAt, claimedBy };
    }
    case MessageType.fenced:
      return { kind: 'fenced', fence: message[2], server: message[3] };
    case MessageType.gone: {
      const [, , code, text, hint] = message;
      return { kind: 'gone', code, error: errorFrom(code, text, hint) };
    }
    default:
      throw failureIn(message) ?? unexpected(connection.address);
  }
}

/** A server that hangs must not cost more of the lifetime than leaves time for the others. */
function replyMsMax(lifetimeMs: number | null): number {
  if (lifetimeMs === null) return REPLY_MS_MAX;
  const share = lifetimeMs * HEARTBEAT_REPLY_SHARE;
  return Math.min(REPLY_MS_MAX, Math.max(HEARTBEAT_REPLY_MS_MIN, share));
}

/** Codes of `gone` that pass by themselves: here soon, or at another server now. */
export const PASSING_CODES: ReadonlySet<string> = new Set(['no-majority', 'busy', 'unreachable']);
