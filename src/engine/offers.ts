/** RLFs that are offered to this server, on their way into the ledger (DESIGN section 9). */
import type { Client } from './client.ts';
import type { Outbox } from './effects.ts';
import { LmError } from './errors.ts';
import { requireKept, requireSamePool, supersedes } from './ledger/offer.ts';
import type { Rlf, RlfServer } from './license/types.ts';
import { CODES_READ_WHOLE, OFFER_AGAIN_MS, OFFER_OUTSIDE_MS, RLF_READ_MS_MAX } from './limits.ts';
import { MessageType } from './messages.ts';
import type { Pool } from './pool/pool.ts';
import { majority } from './raft/membership.ts';
import type { ServerId } from './raft/types.ts';
import { Readings } from './readings.ts';
import { Restarting } from './restarting.ts';
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
  readonly #readings: Readings;
  readonly #restarting: Restarting;
  /** Offered here, and not in force yet. */
  #offered: Rlf | null = null;
  #nextDue = Number.POSITIVE_INFINITY;
  /** The RLF that this server, as leader, gives the others to read, and until when it waits. */
  #announced = { sequence: 0, term: 0, until: 0, told: new Set<ServerId>() };

  constructor(pool: Pool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
    this.#readings = new Readings();
    this.#restarting = new Restarting(pool, outbox);
  }

  get nextDue(): number {
    return Math.min(this.#nextDue, this.#readings.nextDue, this.#restarting.nextDue);
  }

  /**
   * Those of an RLF that the admin signed and that is not in force here. Whoever was away while the
   * pool changed, or waits to be taken in, knows by it who is there; nothing else follows from it.
   */
  get servers(): readonly RlfServer[] {
    return this.#offered?.servers ?? [];
  }

  /** By an administrator, at this server. Throws what `#mayFollow` throws. */
  offered(rlf: Rlf, time: Time): void {
    if (this.#restarting.takes(rlf, time, false)) {
      this.#tellSurvivors();
      return;
    }
    const { rlf: current } = this.#pool.state;
    if (this.#mayFollow(rlf)) {
      this.#pool.reporter.hasRead(rlf.sequence, time.boot);
      if (rlf.sequence >= (this.#offered?.sequence ?? 0)) this.#offered = rlf;
      this.#show(time);
    } else if (rlf.sequence < current.sequence) {
      const fields = { offered: rlf.sequence, inForce: current.sequence };
      this.#outbox.note('warn', 'the RLF offered is older than the one in force', fields);
    }
  }

  /** Over a client's connection: a push needs no key, the signed higher sequence speaks for it. */
  pushed({ client, sequence, text, bytes, isTrial }: Push, time: Time): void {
    const refuse = ({ code, message, hint, details }: LmError) => {
      this.#outbox.reply(client, [MessageType.error, sequence, code, message, hint, details]);
    };
    const use = (rlf: Rlf, now: Time) => {
      const { rlf: current } = this.#pool.state;
      const restarts = this.#restarting.takes(rlf, now, isTrial);
      const isNewer = restarts || this.#mayFollow(rlf);
      if (rlf.sequence < current.sequence) throw older(rlf, current);
      if (isNewer && !isTrial) this.offered(rlf, now);
      const taken = { sequence: rlf.sequence, digest: rlf.digest, inForce: !isNewer };
      this.#outbox.reply(client, [MessageType.rlfPushed, sequence, bytes, taken]);
    };
    this.#readings.add({ text, use, refuse }, time);
  }

  /**
   * At another server, which passes it on: its signature speaks, not the connection. A leader gives
   * a large one to its followers, too, so that they have read it when it comes into force.
   */
  received(from: ServerId, text: string, time: Time): void {
    const { rlf: current } = this.#pool.state;
    // It is shown again and again until it is in force.
    const known = [current.text, this.#offered?.text, this.#restarting.rlf?.text];
    if (known.includes(text) || this.#readings.has(text)) return;
    const refuse = ({ message: reason }: LmError) => {
      const fields = { server: this.#pool.nameOf(from), reason };
      this.#outbox.note('warn', 'an RLF that a server passed on was refused', fields);
    };
    const use = (rlf: Rlf, now: Time) => {
      this.#pool.reporter.hasRead(rlf.sequence, now.boot);
      // What the leader shows is on its way already, and an old one is not worth a word.
      const isShown = this.#pool.takesPart && from === this.#pool.leader;
      const isOld = this.#pool.takesPart && rlf.sequence < this.#pool.state.rlf.sequence;
      if (!isShown && !isOld) this.offered(rlf, now);
    };
    this.#readings.add({ text, use, refuse }, time);
  }

  /** A link came up, to a server that has the RLF of that sequence: a newer one is for it. */
  linked(server: ServerId, sequence: number): void {
    const newest = this.#restarting.rlf ?? this.#offered ?? this.#pool.state.rlf;
    if (newest.sequence > sequence) this.#tell(server, newest.text);
  }

  /** This server takes part in a restart of the pool, and has to start anew for it. */
  get restarts(): boolean {
    return this.#restarting.isDecided;
  }

  tick(time: Time): void {
    this.#readings.tick(time);
    this.#restarting.tick(time);
    if (time.boot >= this.#nextDue) this.#show(time);
  }

  /** All that an RLF names have to take part in a restart: who has it gives it to the others. */
  #tellSurvivors(): void {
    const { rlf } = this.#restarting;
    for (const { fingerprint } of rlf?.servers ?? []) {
      if (this.#pool.isLinked(fingerprint) && rlf !== null) this.#tell(fingerprint, rlf.text);
    }
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
    const waits = this.#pool.leads && this.#waitsForReaders(offered, now);
    const isLarge = offered.licenses.length > CODES_READ_WHOLE;
    const againMs = isLarge ? LARGE_OFFER_AGAIN_MS : OFFER_AGAIN_MS;
    this.#nextDue = now + (waits ? READERS_LOOK_MS : againMs);
    if (waits) return;
    const { sequence, digest, text } = offered;
    this.#pool.leaderRequests.enter({ type: 'rlf', sequence, digest, text });
  }

  /**
   * Some of those that are up have not read it, and may still do so in time. They are given it a
   * few at a time: whoever takes megabytes apart answers late, and a majority has to answer.
   */
  #waitsForReaders({ sequence, text, licenses }: Rlf, now: number): boolean {
    if (licenses.length <= CODES_READ_WHOLE) return false;
    const { picture, standing, state, server: self } = this.#pool;
    const { term } = standing;
    if (this.#announced.sequence !== sequence || this.#announced.term !== term) {
      this.#announced = { sequence, term, until: now + RLF_READ_MS_MAX, told: new Set() };
    }
    const { told } = this.#announced;
    const { voters } = state.configuration;
    const minority = Math.max(1, voters.length - majority(state.configuration));
    const waited = voters.filter((server) => {
      return server !== self && this.#pool.isUp(server) && picture.peer(server).read < sequence;
    });
    const reading = waited.filter((server) => told.has(server)).length;
    const next = waited
      .filter((server) => !told.has(server))
      .slice(0, Math.max(0, Math.min(READERS_MAX, minority) - reading));
    for (const server of next) {
      this.#tell(server, text);
      told.add(server);
      this.#announced.until = now + RLF_READ_MS_MAX;
    }
    return waited.length > 0 && now < this.#announced.until;
  }

  /**
   * Whether an RLF may take the place of the one in force. At a server that is not in the pool none
   * is, and the newest that the admin signed says best who is there.
   *
   * @throws LmError as `supersedes` and `requireKept`.
   */
  #mayFollow(rlf: Rlf): boolean {
    const { rlf: current, configuration } = this.#pool.state;
    if (!this.#pool.takesPart) {
      const known = this.#offered ?? current;
      requireSamePool(rlf, known);
      return rlf.sequence >= known.sequence;
    }
    if (!supersedes(rlf, current)) return false;
    // One that hears no leader may have been away while the pool changed, and can't tell.
    if (this.#pool.leader !== null) requireKept(rlf, configuration);
    return true;
  }

  #tell(server: ServerId, text: string): void {
    this.#outbox.tell(server, { type: 'offer', text });
  }
}

const READERS_LOOK_MS = 50;
/** In a large pool a minority would still be many to be late at once. */
const READERS_MAX = 2;
/** It is megabytes that are sent anew. */
const LARGE_OFFER_AGAIN_MS = 10 * OFFER_AGAIN_MS;

function older(offered: Rlf, current: Rlf): LmError {
  return new LmError(
    'bad-data',
    `The RLF has sequence ${offered.sequence}; one of sequence ${current.sequence} is in force.`,
    'To go back to what it says, sign it under a higher sequence: lm rlf sign --bump.',
    { sequence: offered.sequence, inForce: current.sequence },
  );
}
