/** RLFs that are offered to this server, on their way into the ledger (DESIGN section 9). */
import type { Outbox } from './effects.ts';
import { LmError } from './errors.ts';
import { requireKept, requireSamePool, supersedes } from './ledger/offer.ts';
import { readRlf } from './license/rlf.ts';
import type { Rlf, RlfServer } from './license/types.ts';
import { OFFER_AGAIN_MS, OFFER_OUTSIDE_MS } from './limits.ts';
import type { Pool } from './pool/pool.ts';
import type { ServerId } from './raft/types.ts';
import type { Time } from './time.ts';

export class Offers {
  readonly #pool: Pool;
  readonly #outbox: Outbox;
  /** Offered here, and not in force yet. */
  #offered: Rlf | null = null;
  #nextDue = Number.POSITIVE_INFINITY;

  constructor(pool: Pool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
  }

  get nextDue(): number {
    return this.#nextDue;
  }

  /**
   * Those of an RLF that the admin signed and that is not in force here. Whoever was away while the
   * pool changed, or waits to be taken in, knows by it who is there; nothing else follows from it.
   */
  get servers(): readonly RlfServer[] {
    return this.#offered?.servers ?? [];
  }

  /** By an administrator, at this server. Throws what `supersedes` and `requireKept` throw. */
  offered(rlf: Rlf, time: Time): void {
    const { rlf: current, configuration } = this.#pool.state;
    if (!this.#pool.takesPart) {
      this.#keepOutside(rlf, time);
    } else if (supersedes(rlf, current)) {
      // One that hears no leader may have been away while the pool changed, and can't tell.
      if (this.#pool.leader !== null) requireKept(rlf, configuration);
      if (rlf.sequence < (this.#offered?.sequence ?? 0)) return;
      this.#offered = rlf;
      this.#show(time);
    } else if (rlf.sequence < current.sequence) {
      const fields = { offered: rlf.sequence, inForce: current.sequence };
      this.#outbox.note('warn', 'the RLF offered is older than the one in force', fields);
    }
  }

  /** At another server, which passes it on: its signature speaks, not the connection. */
  received(from: ServerId, text: string, time: Time): void {
    const { rlf: current } = this.#pool.state;
    if (text === current.text || text === this.#offered?.text) return;
    try {
      const rlf = readRlf(text);
      if (!this.#pool.takesPart || rlf.sequence >= current.sequence) this.offered(rlf, time);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      const fields = { server: this.#pool.nameOf(from), reason: error.message };
      this.#outbox.note('warn', 'an RLF that a server passed on was refused', fields);
    }
  }

  /** A link came up, to a server that has the RLF of that sequence: a newer one is for it. */
  linked(server: ServerId, sequence: number): void {
    const newest = this.#offered ?? this.#pool.state.rlf;
    if (newest.sequence > sequence) this.#tell(server, newest.text);
  }

  tick(time: Time): void {
    if (time.boot >= this.#nextDue) this.#show(time);
  }

  #show({ boot: now }: Time): void {
    this.#nextDue = Number.POSITIVE_INFINITY;
    const offered = this.#offered;
    if (offered === null) return;
    if (!this.#pool.takesPart) {
      // To all: the leader is not known, and whoever gets it passes it on.
      for (const { fingerprint } of offered.servers) {
        if (this.#pool.isLinked(fingerprint)) this.#tell(fingerprint, offered.text);
      }
      this.#nextDue = now + OFFER_OUTSIDE_MS;
      return;
    }
    if (offered.sequence <= this.#pool.state.rlf.sequence) {
      this.#offered = null;
      return;
    }
    this.#nextDue = now + OFFER_AGAIN_MS;
    const { sequence, digest, text } = offered;
    this.#pool.leaderRequests.enter({ type: 'rlf', sequence, digest, text });
  }

  /**
   * This server is not in the pool: nothing is in force here, and the newest RLF that the admin
   * signed says best who is there.
   */
  #keepOutside(rlf: Rlf, time: Time): void {
    const known = this.#offered ?? this.#pool.state.rlf;
    requireSamePool(rlf, known);
    if (rlf.sequence < known.sequence) return;
    this.#offered = rlf;
    this.#show(time);
  }

  #tell(server: ServerId, text: string): void {
    this.#outbox.tell(server, { type: 'offer', text });
  }
}
