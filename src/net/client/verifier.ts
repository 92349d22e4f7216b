/**
 * What has to hold of a server before it is asked for seats (DESIGN section 9): it is of the pool
 * that is meant, its RLF is no older than one seen, and, where the admin key or the vendor's key is
 * the anchor, that key's signatures lead to the TLS key that the server showed.
 */
import { type ErrorDetails, LmError } from '../../engine/errors.ts';
import type { Rlf } from '../../engine/license/types.ts';
import type { Connection } from './connection.ts';
import type { Memory } from './memory.ts';
import type { PoolTrust } from './trust.ts';

/** The newer RLF has not reached that server yet, or it was set back: another one may have it. */
export class Behind extends LmError {
  constructor(message: string, details: ErrorDetails) {
    const hint = 'Wait until the newer RLF has reached it, or push it again.';
    super('untrusted', message, hint, details);
  }
}

export class Verifier {
  readonly #trust: PoolTrust;
  readonly #vendorKey: string | null;
  readonly #memory: Memory;
  readonly #anchor: string | null;
  #rlf: Rlf | null = null;

  constructor(trust: PoolTrust, vendorKey: string | null, memory: Memory) {
    this.#trust = trust;
    this.#vendorKey = vendorKey;
    this.#memory = memory;
    this.#anchor = trust.insecure ? null : (trust.admin ?? [...trust.pins].sort().join(','));
  }

  /** The vendor's name where its key was checked, else null. Throws `untrusted`. */
  async check(connection: Connection): Promise<string | null> {
    const { pool } = this.#trust;
    if (pool !== null && connection.pool !== pool) {
      const { address, pool: served } = connection;
      const message = `The server at ${address} serves pool ${served}, not ${pool}.`;
      throw new LmError('untrusted', message, 'Check the address, or get the pool card anew.');
    }
    this.#refuseOlder(connection);
    const { admin, pins } = this.#trust;
    const byAdmin = admin !== null && pins.length === 0;
    const vendor = byAdmin || this.#vendorKey !== null ? await this.#checkRlf(connection) : null;
    this.#remember(connection);
    return vendor;
  }

  #refuseOlder({ address, server, rlfSequence, epoch }: Connection): void {
    const seen = this.#anchor === null ? this.#trust : this.#memory.seen(this.#anchor);
    const lowest = {
      sequence: Math.max(seen.sequence, this.#trust.sequence),
      epoch: Math.max(seen.epoch, this.#trust.epoch),
    };
    if (rlfSequence >= lowest.sequence && epoch >= lowest.epoch) return;
    const message =
      `Server ${server} at ${address} serves RLF ${rlfSequence} of epoch ${epoch}; ` +
      `this pool has had RLF ${lowest.sequence} of epoch ${lowest.epoch}.`;
    const details = { rlfSequence, epoch, lowest };
    if (epoch >= lowest.epoch) throw new Behind(message, details);
    throw new LmError('untrusted', message, 'It is of before the pool was restarted.', details);
  }

  #remember({ rlfSequence, epoch }: Connection): void {
    if (this.#anchor === null) return;
    const seen = this.#memory.seen(this.#anchor);
    if (rlfSequence <= seen.sequence && epoch <= seen.epoch) return;
    this.#memory.note(this.#anchor, { sequence: rlfSequence, epoch });
  }

  /** A verified RLF that names this TLS key stays good: only another key or a newer RLF is read. */
  async #checkRlf(connection: Connection): Promise<string | null> {
    const known = this.#rlf;
    const current = known !== null && known.sequence >= connection.rlfSequence;
    const rlf = current && names(known, connection) ? known : await this.#readRlf(connection);
    if (!names(rlf, connection)) {
      const where = connection.address;
      const message = `The RLF of pool ${rlf.pool} does not name the key that ${where} shows.`;
      throw new LmError('untrusted', message, CHECK);
    }
    this.#rlf = rlf;
    if (this.#vendorKey === null) return null;
    const vendor = rlf.vendors.find(({ key }) => key === this.#vendorKey);
    if (vendor !== undefined) return vendor.name;
    const message = `Pool ${rlf.pool} has no license code by the vendor key ${this.#vendorKey}.`;
    throw new LmError('untrusted', message, 'Check LM_VENDOR_KEY, or ask the vendor for its key.');
  }

  async #readRlf(connection: Connection): Promise<Rlf> {
    const text = await connection.rlfText();
    // Loaded only here: most commands start without a TOML reader.
    const { readRlf, requireAdmin } = await import('../../engine/license/rlf.ts');
    const rlf = readRlf(text);
    if (this.#trust.admin !== null) requireAdmin(rlf, this.#trust.admin);
    return rlf;
  }
}

function names(rlf: Rlf, { server, fingerprint }: Connection): boolean {
  return rlf.servers.some((one) => one.fingerprint === fingerprint && one.name === server);
}

const CHECK = 'Check the address; if the server was replaced, push the RLF that names it.';
