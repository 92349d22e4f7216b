/**
 * The most that each other server showed of itself: one that starts with less than that was set
 * back to an older disk, and may not vote or issue any more (DESIGN section 5, memory is identity).
 */
import { PEER_RECORD_INTERVAL_MS } from '../limits.ts';
import type { PeerGreeting, PeerMessage } from '../peer-messages.ts';
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

/** A start of a server: its boot counter, its random number, and how far its disk came in it. */
export interface Shown {
  readonly boot: number;
  readonly start: number;
  readonly transaction: number;
}

const NOTHING: Shown = { boot: 0, start: 0, transaction: 0 };

export class PeerMemory {
  readonly #shown = new Map<ServerId, Shown>();
  readonly #changed = new Set<ServerId>();
  readonly #refused = new Set<ServerId>();
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(source: RecordSource) {
    for (const [key, value] of source.scan(spacePrefix(Space.peer))) {
      const [boot, start, transaction] = read(value) as [number, number, number];
      const server = Buffer.from(key.subarray(1)).toString('utf8');
      this.#shown.set(server, { boot, start, transaction });
    }
  }

  shown(server: ServerId): Shown {
    return this.#shown.get(server) ?? NOTHING;
  }

  /**
   * It greets. Returns whether it may go on: the start that is known (acks may overtake a
   * greeting), or a later one, which begins with all that was known to be on its disk.
   */
  greeted(server: ServerId, greeting: PeerGreeting): boolean {
    const { boot, start, transaction } = greeting;
    const known = this.shown(server);
    const isSame = boot === known.boot && start === known.start;
    const isLater = boot > known.boot && goesOnFrom(known, greeting);
    if (!isSame && !isLater) {
      this.#refused.add(server);
      return false;
    }
    this.#refused.delete(server);
    if (isLater) this.#set(server, { boot, start, transaction });
    return true;
  }

  /** It acked, or the leader knows so much of it. */
  learned(server: ServerId, shown: Shown): void {
    const known = this.shown(server);
    const isNews =
      shown.boot > known.boot ||
      (shown.boot === known.boot && shown.transaction > known.transaction);
    if (isNews) this.#set(server, shown);
  }

  /** A report of the start that greeted. */
  reported(server: ServerId, boot: number, transaction: number): void {
    const known = this.shown(server);
    if (boot === known.boot) this.learned(server, { ...known, transaction });
  }

  isRefused(server: ServerId): boolean {
    return this.#refused.has(server);
  }

  /** Goes along with a write that is made anyway, now and then. */
  takeWrites(now: number): Write[] {
    if (this.#changed.size === 0 || now < this.#writtenAt + PEER_RECORD_INTERVAL_MS) return [];
    this.#writtenAt = now;
    const writes = [...this.#changed].sort().map((server) => {
      const { boot, start, transaction } = this.shown(server);
      return put(textKey(Space.peer, server), [boot, start, transaction]);
    });
    this.#changed.clear();
    return writes;
  }

  #set(server: ServerId, shown: Shown): void {
    this.#shown.set(server, shown);
    this.#changed.add(server);
  }
}

/**
 * Whether the start that is known is among the server's own of before, and the next one began with
 * all that was known to be on its disk. Of a start too long ago only the counters tell.
 */
function goesOnFrom(known: Shown, { transaction, earlier = [] }: PeerGreeting): boolean {
  const at = earlier.findIndex(([boot]) => boot === known.boot);
  const [, start = known.start] = earlier[at] ?? [];
  const [, , next = transaction] = earlier[at - 1] ?? [];
  return start === known.start && next >= known.transaction;
}

/** What a server is told that started with less than it showed before: it ends. */
export function rolledBack(name: string, boot: number): PeerMessage {
  return {
    type: 'refused',
    boot,
    code: 'rolled-back',
    message: `The data directory of ${name} was set back to an older state.`,
    hint: 'Its memory is gone: give it a new one with lm server new, and replace it in the RLF.',
  };
}
