/**
 * The highest transaction that each other server showed: one that comes back below it was set back
 * to an older disk, and may not vote or issue any more (DESIGN section 5, memory is identity).
 */
import { PEER_RECORD_INTERVAL_MS } from '../limits.ts';
import type { PeerMessage } from '../peer-messages.ts';
import type { ServerId } from '../raft/types.ts';
import {
  put,
  type RecordSource,
  read,
  Space,
  spacePrefix,
  textKey,
  type Write,
} from '../records.ts';

export class PeerMemory {
  readonly #transactions = new Map<ServerId, number>();
  readonly #changed = new Set<ServerId>();
  readonly #refused = new Set<ServerId>();
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(source: RecordSource) {
    for (const [key, value] of source.scan(spacePrefix(Space.peer))) {
      this.#transactions.set(Buffer.from(key.subarray(1)).toString('utf8'), Number(read(value)));
    }
  }

  transaction(server: ServerId): number {
    return this.#transactions.get(server) ?? 0;
  }

  /** It showed this number itself. Returns whether it may go on. */
  showed(server: ServerId, transaction: number): boolean {
    const known = this.transaction(server);
    if (transaction < known) this.#refused.add(server);
    else this.learned(server, transaction);
    return !this.#refused.has(server);
  }

  /** Another server knows this number of it. */
  learned(server: ServerId, transaction: number): void {
    if (transaction <= this.transaction(server)) return;
    this.#transactions.set(server, transaction);
    this.#changed.add(server);
  }

  isRefused(server: ServerId): boolean {
    return this.#refused.has(server);
  }

  /** Goes along with a write that is made anyway, now and then. */
  takeWrites(now: number): Write[] {
    if (this.#changed.size === 0 || now < this.#writtenAt + PEER_RECORD_INTERVAL_MS) return [];
    this.#writtenAt = now;
    const writes = [...this.#changed].sort().map((server) => {
      return put(textKey(Space.peer, server), this.transaction(server));
    });
    this.#changed.clear();
    return writes;
  }
}

/** What a server is told that came back with less than it showed before: it ends. */
export function rolledBack(name: string): PeerMessage {
  return {
    type: 'refused',
    code: 'rolled-back',
    message: `The data directory of ${name} was set back to an older state.`,
    hint: 'Its memory is gone: give it a new one with lm server new, and replace it in the RLF.',
  };
}
