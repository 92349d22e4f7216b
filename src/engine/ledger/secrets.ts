/**
 * The pool's secret, which signs tickets (ticket.ts), and those before it: a seat that was granted
 * under one of them may still be claimed, for as long as any seat can live without a new ticket.
 */
import { MOVED_KEPT_MS, SECRETS_FORMER_MAX } from '../limits.ts';

interface Former {
  readonly secret: Uint8Array;
  /** The mark at which it is forgotten. */
  readonly until: number;
}

export class Secrets {
  /** 32 bytes; null before the pool has its first. */
  current: Uint8Array | null = null;
  /** How often there was a new one. */
  generation = 0;
  /** A server that knows the secret of now is in the pool no more: there is to be another. */
  isStale = false;
  /** Newest first. */
  #former: readonly Former[] = [];

  /** Those by which a ticket may be signed, newest first. */
  *all(): IterableIterator<Uint8Array> {
    if (this.current !== null) yield this.current;
    for (const { secret } of this.#former) yield secret;
  }

  /** So many are remembered that there is no room for another. */
  get full(): boolean {
    return this.#former.length >= SECRETS_FORMER_MAX;
  }

  /** False, and nothing changed, for one that is no newer, or one too many. */
  rotate(generation: number, secret: Uint8Array, mark: number): boolean {
    if (generation <= this.generation || this.full) return false;
    const until = mark + MOVED_KEPT_MS;
    if (this.current !== null) this.#former = [{ secret: this.current, until }, ...this.#former];
    this.current = secret;
    this.generation = generation;
    this.isStale = false;
    return true;
  }

  /** The mark advanced. */
  forget(mark: number): void {
    if (this.#former.length > 0) this.#former = this.#former.filter(({ until }) => until > mark);
  }

  /** Of those before: the form on disk. */
  record(): unknown[] {
    return this.#former.map(({ secret, until }) => [secret, until]);
  }

  restore(generation: number, current: Uint8Array | null, former: unknown): void {
    this.generation = generation;
    this.current = current?.slice() ?? null;
    this.#former = ((former ?? []) as [Uint8Array, number][]).map(([secret, until]) => {
      return { secret: secret.slice(), until };
    });
  }
}
