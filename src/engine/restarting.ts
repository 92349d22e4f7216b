/**
 * An RLF that restarts the pool from the servers that it names (DESIGN section 9): for when a
 * majority is gone for good. This server makes sure that there is no majority without it, as far as
 * it can see; then it has on disk that it takes part, and starts anew.
 */
import type { Outbox } from './effects.ts';
import { LmError } from './errors.ts';
import { restartRecord } from './ledger/epochs.ts';
import { takesPart } from './ledger/members.ts';
import { requireSamePool } from './ledger/offer.ts';
import { readRlf } from './license/rlf.ts';
import type { Rlf } from './license/types.ts';
import { RECOVER_LOOK_MS, RECOVER_QUIET_MS } from './limits.ts';
import type { Pool } from './pool/pool.ts';
import type { Time } from './time.ts';

export class Restarting {
  readonly #pool: Pool;
  readonly #outbox: Outbox;
  /** Offered, while no leader is heard. */
  #offered: { readonly rlf: Rlf; readonly epoch: number; readonly at: number } | null = null;
  #nextDue = Number.POSITIVE_INFINITY;
  /** It is on disk with the next flush: this start is over. */
  isDecided = false;

  constructor(pool: Pool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
  }

  get nextDue(): number {
    return this.#nextDue;
  }

  /** The RLF of a restart that is under way here, or of one that is about to be. */
  get rlf(): Rlf | null {
    const { restart } = this.#pool.ledger;
    return restart === null ? (this.#offered?.rlf ?? null) : readRlf(restart.text);
  }

  /**
   * Takes an RLF that is to restart the pool; `isTrial`: would it? False for any other, which goes
   * the usual way: one that restarted the pool in the epoch of now is an RLF like others.
   *
   * @throws LmError `bad-data` for an epoch or a sequence of before, `not-authorized` where it does
   * not name this server, `config` where it names others than survivors, or a leader is heard;
   * `busy` while another one restarts the pool.
   */
  takes(rlf: Rlf, { boot: now }: Time, isTrial: boolean): boolean {
    const { ledger, takesPart: isMember } = this.#pool;
    const epoch = rlf.recover ?? ledger.epoch;
    const isUnderWay = ledger.restart !== null;
    if (isUnderWay && rlf.text === ledger.restart?.text) return true;
    if (!isMember) return false;
    if (epoch < ledger.epoch) throw olderEpoch(epoch, ledger.epoch);
    if (epoch === ledger.epoch) {
      // The one in force, or an older one, changes nothing: a server is started with it again.
      if (isUnderWay && rlf.sequence > this.#pool.state.rlf.sequence) throw underWay(epoch);
      return false;
    }
    this.#check(rlf);
    const { rlf: known } = this.#offered ?? { rlf: null };
    if (rlf.digest === known?.digest) return true;
    // Or two that are offered in turn would each begin the look for a leader anew.
    if (known !== null && rlf.sequence <= known.sequence) {
      throw olderSequence(rlf.sequence, known.sequence);
    }
    if (isTrial) return true;
    this.#offered = { rlf, epoch, at: now + RECOVER_QUIET_MS };
    this.#nextDue = now;
    const fields = { epoch, sequence: rlf.sequence };
    this.#outbox.note('warn', 'the pool is to be restarted without a majority', fields);
    return true;
  }

  tick({ boot: now }: Time): void {
    if (this.#offered === null || now < this.#nextDue) return;
    const { rlf, epoch, at } = this.#offered;
    this.#nextDue = now + RECOVER_LOOK_MS;
    try {
      this.#check(rlf);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      this.#offered = null;
      this.#nextDue = Number.POSITIVE_INFINITY;
      this.#outbox.note('warn', 'the pool is not restarted', { reason: error.message });
      return;
    }
    if (now < at || this.isDecided) return;
    this.isDecided = true;
    this.#outbox.writes.push(restartRecord({ epoch, text: rlf.text }));
    this.#outbox.note('warn', 'this server restarts the pool, without a majority', { epoch });
  }

  #check(rlf: Rlf): void {
    const { state, server, ledger, leader } = this.#pool;
    requireSamePool(rlf, state.rlf);
    const sequences = ledger.unapplied().map(({ entry }) => {
      return entry?.type === 'rlf' || entry?.type === 'epoch' ? entry.sequence : 0;
    });
    const newest = Math.max(state.rlf.sequence, ...sequences);
    if (rlf.sequence <= newest) throw olderSequence(rlf.sequence, newest);
    if (!rlf.servers.some(({ fingerprint }) => fingerprint === server)) throw notNamed(rlf);
    const stranger = rlf.servers.find(({ fingerprint }) => {
      return !takesPart(fingerprint, state.configuration) && !state.members.lists(fingerprint);
    });
    if (stranger !== undefined) throw noSurvivor(stranger.name);
    if (leader !== null) throw leaderHeard(this.#pool.nameOf(leader));
  }
}

function olderEpoch(epoch: number, current: number): LmError {
  return new LmError(
    'bad-data',
    `The RLF restarts the pool in epoch ${epoch}; it is in epoch ${current} now.`,
    'Make it from the RLF in force: lm rlf recover.',
    { epoch, current },
  );
}

function olderSequence(sequence: number, newest: number): LmError {
  return new LmError(
    'bad-data',
    `The RLF has sequence ${sequence}; this server knows one of sequence ${newest}.`,
    'Make it from the newest RLF: lm rlf recover.',
    { sequence, newest },
  );
}

function notNamed({ pool, recover }: Rlf): LmError {
  return new LmError(
    'not-authorized',
    `The RLF restarts pool ${pool} in epoch ${recover} without this server.`,
    'Give it to the servers that it names. This one may come back by lm serve --rejoin.',
  );
}

function noSurvivor(name: string): LmError {
  return new LmError(
    'config',
    `Server ${name} was not in the pool before: it can't restart it.`,
    'Keep servers of before only; others join by an RLF after that.',
  );
}

function leaderHeard(leader: string): LmError {
  return new LmError(
    'config',
    `A majority of the pool is there: it is led by ${leader}.`,
    'Change the list of servers in an ordinary RLF: lm rlf push.',
    { leader },
  );
}

function underWay(epoch: number): LmError {
  const message = `The pool is being restarted in epoch ${epoch}.`;
  return new LmError('busy', message, 'Start all servers that its RLF names; push again then.');
}
