/**
 * Servers of another epoch than this one's (DESIGN section 9): they are not heard, or a majority of
 * before and the survivors would be two pools. One that was left behind is told so, and ends.
 */
import type { Outbox } from '../effects.ts';
import { LmError } from '../errors.ts';
import { isNamed } from '../ledger/epochs.ts';
import type { PeerGreeting, PeerMessage } from '../peer-messages.ts';
import type { ServerId } from '../raft/types.ts';
import type { Pool } from './pool.ts';

export class EpochPeers {
  readonly #pool: Pool;
  readonly #outbox: Outbox;
  readonly #epochs = new Map<ServerId, number>();

  constructor(pool: Pool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** The one in force here, or the one under way; 0 for a server that waits to be taken in. */
  get own(): number {
    return this.#pool.state.applied === 0 ? 0 : this.#pool.ledger.epoch;
  }

  /** An RLF speaks for itself, and who is refused has to know. */
  takes(from: ServerId, { type }: PeerMessage): boolean {
    return type === 'offer' || type === 'refused' || this.#hears(from);
  }

  /** A link came up. False, and the other is told if it is left behind, where it is not heard. */
  greeted(server: ServerId, { boot, epoch = 1 }: PeerGreeting): boolean {
    this.#epochs.set(server, epoch);
    if (this.#hears(server)) return true;
    this.#pool.standing.unlinked(server);
    const { restart } = this.#pool.ledger;
    if (epoch > this.own || (restart !== null && isNamed(server, restart))) return false;
    const { code, message, hint } = leftBehind(this.own);
    this.#outbox.note('warn', 'a server of before the pool was restarted is refused', {
      server: this.#pool.nameOf(server),
    });
    this.#outbox.tell(server, { type: 'refused', boot, code, message, hint });
    return false;
  }

  /** What it says counts: it is of the epoch of this server. */
  #hears(server: ServerId): boolean {
    return isSameEpoch(this.#epochs.get(server) ?? 0, this.own);
  }
}

export function isSameEpoch(a: number, b: number): boolean {
  return a === b || a === 0 || b === 0;
}

/** Says so to a server that knows only an epoch before. */
export function leftBehind(epoch: number): LmError {
  return new LmError(
    'not-authorized',
    `The pool was restarted from other servers, in epoch ${epoch}; this one was left behind.`,
    'Give it a new key with lm serve --rejoin, and name that in the RLF.',
    { epoch },
  );
}
