/** The RLFs of a simulation by their sequence: drawn once, signed when they are needed. */
import type { Rlf, RlfServer } from '../../../src/engine/license/types.ts';
import type { Random } from '../random.ts';
import { drawPoolGrants, finalPoolGrants, type PoolGrants, poolRlf } from './grants.ts';
import type { PoolOptions } from './options.ts';

export class PoolRlfs {
  readonly #options: PoolOptions;
  readonly #random: Random;
  readonly #grants: PoolGrants[] = [];
  readonly #rlfs = new Map<number, Rlf>();
  #servers: readonly RlfServer[] | null = null;

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

  /** Of the servers listed last, where they are not those of the founding. */
  #listing(grants: PoolGrants): PoolGrants {
    const servers = this.#servers;
    if (servers === null) return grants;
    const codes = grants.codes.map((code) => ({ ...code, distribution: null }));
    return { ...grants, codes, servers };
  }

  /** What every simulation ends with, at these servers or those listed last. */
  drawFinal(servers: readonly RlfServer[] | null): number {
    this.#servers = servers ?? this.#servers;
    const sequence = this.#grants.length + 1;
    this.#grants.push(this.#listing(finalPoolGrants(sequence, this.#options)));
    return sequence;
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
