/** RLFs that are offered to this server, on their way into the ledger (DESIGN section 9). */
import type { Client } from './client.ts';
import type { Outbox } from './effects.ts';
import { LmError } from './errors.ts';
import { supersedes } from './ledger/offer.ts';
import { readRlf } from './license/rlf.ts';
import type { Rlf } from './license/types.ts';
import { OFFER_AGAIN_MS } from './limits.ts';
import { MessageType } from './messages.ts';
import type { Pool } from './pool/pool.ts';
import type { ServerId } from './raft/types.ts';
import type { Time } from './time.ts';

/** `bytes` long, from a client that waits for word of it. */
export interface Push {
  readonly client: Client;
  readonly sequence: number;
  readonly text: string;
  readonly bytes: number;
  /** Nothing is offered: would it be taken? */
  readonly isTrial: boolean;
}

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

  /** By an administrator, at this server. Throws what `mayFollow` throws. */
  offered(rlf: Rlf, time: Time): void {
    const { rlf: current } = this.#pool.state;
    if (mayFollow(rlf, current)) {
      if (rlf.sequence >= (this.#offered?.sequence ?? 0)) this.#offered = rlf;
      this.#show(time);
    } else if (rlf.sequence < current.sequence) {
      const fields = { offered: rlf.sequence, inForce: current.sequence };
      this.#outbox.note('warn', 'the RLF offered is older than the one in force', fields);
    }
  }

  /** Over a client's connection: a push needs no key, the signed higher sequence speaks for it. */
  pushed({ client, sequence, text, bytes, isTrial }: Push, time: Time): void {
    try {
      const rlf = readRlf(text);
      const { rlf: current } = this.#pool.state;
      const isNewer = mayFollow(rlf, current);
      if (rlf.sequence < current.sequence) throw older(rlf, current);
      if (isNewer && !isTrial) this.offered(rlf, time);
      const taken = { sequence: rlf.sequence, digest: rlf.digest, inForce: !isNewer };
      this.#outbox.reply(client, [MessageType.rlfPushed, sequence, bytes, taken]);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      const { code, message, hint, details } = error;
      this.#outbox.reply(client, [MessageType.error, sequence, code, message, hint, details]);
    }
  }

  /** At another server, which passes it on: its signature speaks, not the connection. */
  received(from: ServerId, text: string, time: Time): void {
    try {
      const rlf = readRlf(text);
      if (this.#pool.leads && mayFollow(rlf, this.#pool.state.rlf)) this.offered(rlf, time);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      const fields = { server: this.#pool.nameOf(from), reason: error.message };
      this.#outbox.note('warn', 'an RLF that a server passed on was refused', fields);
    }
  }

  tick(time: Time): void {
    if (time.boot >= this.#nextDue) this.#show(time);
  }

  #show({ boot: now }: Time): void {
    this.#nextDue = Number.POSITIVE_INFINITY;
    const offered = this.#offered;
    if (offered === null) return;
    if (offered.sequence <= this.#pool.state.rlf.sequence) {
      this.#offered = null;
      return;
    }
    this.#nextDue = now + OFFER_AGAIN_MS;
    const { sequence, digest, text } = offered;
    this.#pool.leaderRequests.enter({ type: 'rlf', sequence, digest, text });
  }
}

function older(offered: Rlf, current: Rlf): LmError {
  return new LmError(
    'bad-data',
    `The RLF has sequence ${offered.sequence}; one of sequence ${current.sequence} is in force.`,
    'To go back to what it says, sign it under a higher sequence: lm rlf sign --bump.',
    { sequence: offered.sequence, inForce: current.sequence },
  );
}

/**
 * Whether an RLF may take the place of the one in force.
 *
 * @throws LmError as `supersedes`; `config` for another list of servers, which this version does
 * not change while the pool runs.
 */
function mayFollow(offered: Rlf, current: Rlf): boolean {
  if (!supersedes(offered, current)) return false;
  const keys = (rlf: Rlf) => rlf.servers.map(({ fingerprint }) => fingerprint).sort();
  if (keys(offered).join() === keys(current).join()) return true;
  throw new LmError(
    'config',
    'The RLF offered names other servers than the one in force.',
    'This version takes no server into a running pool and none out of it: keep the list.',
  );
}
