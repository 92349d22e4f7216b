/**
 * Servers of another epoch than this one's (DESIGN section 9): they are not heard, or a majority of
 * before and the survivors would be two pools. One that was left behind is told so, and ends.
 */
import { LmError } from '../errors.ts';
import type { PeerMessage } from '../peer-messages.ts';
import type { ServerId } from '../raft/types.ts';

export class EpochPeers {
  readonly #epochs = new Map<ServerId, number>();

  greeted(server: ServerId, epoch: number): void {
    this.#epochs.set(server, epoch);
  }

  /** It is of the same epoch, or of none yet. */
  isOf(epoch: number, server: ServerId): boolean {
    return isSameEpoch(this.#epochs.get(server) ?? 0, epoch);
  }
}

/** 0: a server that waits to be taken in. */
export function isSameEpoch(a: number, b: number): boolean {
  return a === b || a === 0 || b === 0;
}

export function leftBehind(epoch: number, boot: number): PeerMessage {
  const { code, message, hint } = leftBehindError(epoch);
  return { type: 'refused', boot, code, message, hint };
}

export function leftBehindError(epoch: number): LmError {
  return new LmError(
    'not-authorized',
    `The pool was restarted from other servers, in epoch ${epoch}; this one was left behind.`,
    'Give it a new key with lm serve --rejoin, and name that in the RLF.',
    { epoch },
  );
}
