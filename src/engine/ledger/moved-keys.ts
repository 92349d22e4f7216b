/**
 * Keys that left a fenced server: where a claim took them, or that they ended (DESIGN section 7).
 * The fenced server drops them when it is back, its clients find them by it, and one that missed
 * the entries takes over what came to it. Kept until the server's seats are opened, or for a day.
 * Held seats that a server took over left the records, and are kept here as long.
 */
import { RECORDS } from './accounts.ts';
import type { ClaimedKey } from './entries.ts';

export interface MovedKey {
  /** Of the entry. */
  readonly index: number;
  readonly from: string;
  /** Null where it ended. */
  readonly to: string | null;
  readonly license: string;
  readonly key: ClaimedKey;
  /** The mark at which it is forgotten. */
  readonly until: number;
}

export class MovedKeys {
  /** By the server that they left, then by id. */
  readonly #moved = new Map<string, Map<string, MovedKey>>();

  get(from: string, id: string): MovedKey | undefined {
    return this.#moved.get(from)?.get(id);
  }

  from(server: string): Iterable<MovedKey> {
    return this.#moved.get(server)?.values() ?? [];
  }

  /** Where a key that was granted, held or claimed at `server` is now; null where it ended. */
  whereabouts(id: string, server: string): { server: string; since: number } | null {
    // What was held is at no server until one takes it over, whoever granted the hold.
    const taken = this.get(RECORDS, id);
    if (taken?.to === null) return null;
    let at = { server: taken?.to ?? server, since: taken?.index ?? 0 };
    // Each step is a later entry than the one before, so this ends.
    for (let moved = this.get(at.server, id); moved !== undefined; ) {
      if (moved.to === null) return null;
      at = { server: moved.to, since: moved.index };
      const next = this.get(moved.to, id);
      moved = next !== undefined && next.index > moved.index ? next : undefined;
    }
    return at;
  }

  *all(): Iterable<MovedKey> {
    for (const server of [...this.#moved.keys()].sort()) yield* this.from(server);
  }

  /**
   * A key moves, or ends. What was held once goes along wherever it went: that it left a server is
   * forgotten when that one is opened. Returns all that changed.
   */
  left(moved: MovedKey): MovedKey[] {
    const taken = this.get(RECORDS, moved.key.id);
    const changed = [moved];
    if (taken !== undefined && moved.from !== RECORDS) {
      changed.push({ ...taken, index: moved.index, to: moved.to, key: moved.key });
    }
    for (const one of changed) this.add(one);
    return changed;
  }

  add(moved: MovedKey): void {
    const { from, key } = moved;
    let keys = this.#moved.get(from);
    if (keys === undefined) {
      keys = new Map();
      this.#moved.set(from, keys);
    }
    keys.set(key.id, moved);
  }

  /** Forgets and returns those that `isOver` says. */
  forget(isOver: (moved: MovedKey) => boolean): MovedKey[] {
    const over = [...this.all()].filter(isOver);
    for (const moved of over) this.delete(moved);
    return over;
  }

  delete({ from, key }: MovedKey): void {
    this.#moved.get(from)?.delete(key.id);
  }

  clear(): void {
    this.#moved.clear();
  }
}

export function movedRecord({ index, from, to, license, key, until }: MovedKey): unknown[] {
  const { id, count, lifetimeMs, since, holder } = key;
  return [index, from, to, license, until, [id, count, lifetimeMs, since, holder]];
}

export function readMoved(record: unknown): MovedKey {
  const [index, from, to, license, until, fields] = record as [
    ...[number, string, string | null, string, number],
    [string, number, number, number, ClaimedKey['holder']],
  ];
  const [id, count, lifetimeMs, since, holder] = fields;
  return { index, from, to, license, until, key: { id, count, lifetimeMs, since, holder } };
}
