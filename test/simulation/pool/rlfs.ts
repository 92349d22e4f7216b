/** The RLFs of a simulation by their sequence: drawn once, signed when they are needed. */
import {
  distributionById,
  isSpreadAlike,
  licenseKey,
  licensesOf,
} from '../../../src/engine/license/distribution.ts';
import type { Rlf, RlfServer } from '../../../src/engine/license/types.ts';
import type { Random } from '../random.ts';
import {
  drawPoolGrants,
  finalPoolGrants,
  namesOf,
  type PoolGrants,
  poolRlf,
  spread,
} from './grants.ts';
import type { PoolOptions } from './options.ts';

export class PoolRlfs {
  readonly #options: PoolOptions;
  readonly #random: Random;
  readonly #grants: PoolGrants[] = [];
  readonly #rlfs = new Map<number, Rlf>();
  #servers: readonly RlfServer[] | null = null;
  #recover: number | null = null;

  constructor(options: PoolOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.draw();
  }

  get newestSequence(): number {
    return this.#grants.length;
  }

  /** One more; its sequence. */
  draw(): number {
    const sequence = this.#grants.length + 1;
    this.#grants.push(this.#listing(drawPoolGrants(sequence, this.#options, this.#random)));
    return sequence;
  }

  /** One more, with the licenses of the last one and other servers; its sequence. */
  drawMembers(servers: readonly RlfServer[]): number {
    const sequence = this.#grants.length + 1;
    this.#servers = servers;
    this.#grants.push(this.#listing({ sequence, codes: this.#grants.at(-1)?.codes ?? [] }));
    return sequence;
  }

  /** The same, of servers that restart the pool in that epoch; those after it say so too. */
  drawRecovery(servers: readonly RlfServer[], recover: number): number {
    this.#recover = recover;
    return this.drawMembers(servers);
  }

  /** As the newest, but it would restart the pool of these servers; it is to be refused. */
  premature(servers: readonly RlfServer[]): Rlf {
    const sequence = this.#grants.length + 1;
    const codes = this.#grants.at(-1)?.codes.map((code) => ({ ...code, distribution: null })) ?? [];
    const recover = (this.#recover ?? 1) + 1;
    return poolRlf({ sequence, codes, servers, recover }, this.#options);
  }

  /** Of the servers listed last, where they are not those of the founding. */
  #listing(grants: PoolGrants): PoolGrants {
    const servers = this.#servers;
    if (servers === null) return grants;
    const codes = grants.codes.map((code) => ({ ...code, distribution: null }));
    const recover = this.#recover;
    return { ...grants, codes, servers, ...(recover !== null && { recover }) };
  }

  /** What every simulation ends with, at these servers or those listed last. */
  drawFinal(servers: readonly RlfServer[] | null): number {
    this.#servers = servers ?? this.#servers;
    const sequence = this.#grants.length + 1;
    this.#grants.push(this.#listing(finalPoolGrants(sequence, this.#options)));
    return sequence;
  }

  /** The licenses of the newest RLF, and where it puts the seats of those that change: by id. */
  drawSpread(): { sequence: number; rows: ReadonlyMap<string, ReadonlyMap<string, number>> } {
    const sequence = this.#grants.length + 1;
    const { codes } = this.#grants[sequence - 2] ?? { codes: [] };
    const listed = this.#servers;
    const names = listed?.map(({ name }) => name) ?? namesOf(this.#options);
    const spreadCodes = spread(codes, names, this.#random);
    const recover = this.#recover;
    this.#grants.push({
      sequence,
      codes: spreadCodes,
      ...(listed && { servers: listed }),
      ...(recover !== null && { recover }),
    });
    const { servers } = this.get(sequence);
    const before = licensesOf(this.get(sequence - 1));
    const rows = licensesOf(this.get(sequence))
      .filter((license, at) => {
        const old = before[at];
        return old !== undefined && !isSpreadAlike([old, servers], [license, servers]);
      })
      .map((license) => [licenseKey(license), distributionById(license, servers).rows] as const);
    return { sequence, rows: new Map(rows) };
  }

  get(sequence: number): Rlf {
    let rlf = this.#rlfs.get(sequence);
    if (rlf === undefined) {
      const grants = this.#grants[sequence - 1];
      if (grants === undefined) throw new Error(`no RLF was drawn for ${sequence}`);
      rlf = poolRlf(grants, this.#options);
      this.#rlfs.set(sequence, rlf);
    }
    return rlf;
  }
}
