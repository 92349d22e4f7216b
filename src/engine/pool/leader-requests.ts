/** What only the leader can do: done here where this server leads, else passed on to it. */
import type { Outbox } from '../effects.ts';
import type { Entry } from '../ledger/entries.ts';
import type { PeerMessage } from '../peer-messages.ts';
import type { ServerId } from '../raft/types.ts';
import { idBytes, idText } from '../seat-key.ts';
import type { Leading } from './leading.ts';
import type { Pool } from './pool.ts';

type Entered = Extract<Entry, { type: 'evict' | 'rlf' }>;

export class LeaderRequests {
  readonly #pool: Pool;
  readonly #leading: Leading;
  readonly #outbox: Outbox;
  /** Sequence of the newest RLF that was offered here. */
  #offered = 0;

  constructor(pool: Pool, leading: Leading, outbox: Outbox) {
    this.#pool = pool;
    this.#leading = leading;
    this.#outbox = outbox;
  }

  transfer(to: ServerId): void {
    const { leader, leads, ledger, time } = this.#pool;
    if (leads) ledger.step({ type: 'transfer', to }, time.boot);
    else if (leader !== null) this.#outbox.tell(leader, { type: 'transfer', to });
  }

  /** Hands leadership on, to the first of those that are up. */
  stepAside(): void {
    const { leads, server: self, state } = this.#pool;
    if (!leads) return;
    const next = state.rlf.servers.find(({ fingerprint: server }) => {
      const isVoter = state.configuration.voters.includes(server);
      return server !== self && isVoter && this.#pool.isUp(server);
    });
    if (next !== undefined) this.transfer(next.fingerprint);
  }

  /** An RLF that was offered here is not in force yet. */
  get awaitsRlf(): boolean {
    return this.#offered > this.#pool.state.rlf.sequence;
  }

  /** An entry that needs no number. */
  enter(entry: Entered): void {
    if (entry.type === 'rlf') this.#offered = Math.max(this.#offered, entry.sequence);
    const { leader, leads } = this.#pool;
    if (leads) this.#leading.enter(entry);
    else if (leader !== null) this.#outbox.tell(leader, messageFor(entry));
  }

  /** A new secret of the pool's tickets. */
  rotateSecret(): void {
    const { leader, leads } = this.#pool;
    if (leads) this.#leading.rotateSecret();
    else if (leader !== null) this.#outbox.tell(leader, { type: 'rotate-secret' });
  }

  /** Where this server leads: it alone knows what the others understand. */
  raiseFormat(format: number): void {
    this.#leading.enter({ type: 'format', format });
  }

  evict(id: Uint8Array, force: boolean): void {
    this.enter({ type: 'evict', id: idText(id), force });
  }
}

function messageFor(entry: Entered): PeerMessage {
  if (entry.type === 'rlf') return { type: 'offer', text: entry.text };
  return { type: 'evict', id: idBytes(entry.id), force: entry.force };
}
