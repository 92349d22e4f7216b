/**
 * Places in the line: what the pool signs for one who waits, so that another server lets it in
 * where it stood when the one that it waited at is gone (DESIGN section 8). A place says since when
 * it waits, in pool time, and when that was confirmed last; who stays away for longer than polls
 * may be missed loses it.
 */
import { decode, encode } from './codec.ts';
import { LmError } from './errors.ts';
import { WAITER_GRACE_MS } from './limits.ts';
import type { Waiter } from './line.ts';
import type { Pool } from './pool/pool.ts';
import type { Row } from './row.ts';
import { Seal, type SealSubject } from './seal.ts';

/** Of which line a place is: for how many seats of which license. */
interface Line {
  readonly license: string;
  readonly count: number;
}

interface Place extends Line {
  readonly since: number;
  /** When it was signed, and in the pool time of which origin. */
  readonly at: number;
  readonly origin: number;
}

export class Places {
  readonly #pool: Pool;
  readonly #seal = new Seal('lm-place-v1');

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The place of a waiter as it is now. */
  mint({ id: license }: Row, { id, count, since, client }: Waiter): Uint8Array {
    const { clock, state, time } = this.#pool;
    const { current: secret } = state.secrets;
    if (secret === null) return NO_PLACE;
    const { origin, now: at } = clock.stamp(time.boot);
    const said = encode([license, count, since, at, origin]);
    return this.#seal.sign(secret, id, client.instance, said);
  }

  /** Since when a request waits: by the place that it shows if that still counts, else from now. */
  since(shown: Uint8Array | null, { id: license, lifetimeMs }: Row, asked: Asked): number {
    const { clock, time } = this.#pool;
    const { origin, now } = clock.stamp(time.boot);
    if (shown === null) return now;
    const said = this.#said(shown, asked);
    const place = said === null ? null : placeIn(said);
    if (place === null || place.license !== license || place.count !== asked.count) return now;
    const isFresh = place.at + pollMsOf(lifetimeMs) + WAITER_GRACE_MS >= now;
    if (origin === 0 || place.origin !== origin || !isFresh) return now;
    return Math.min(place.since, now);
  }

  /** What the pool signed, under its secret of now or one of before. */
  #said(shown: Uint8Array, asked: Asked): Uint8Array | null {
    for (const secret of this.#pool.state.secrets.all()) {
      const said = this.#seal.open(secret, shown, asked);
      if (said !== null) return said;
    }
    return null;
  }
}

interface Asked extends SealSubject {
  readonly count: number;
}

export const PLACE_BYTES_MAX = 1_024;

const NO_PLACE = new Uint8Array(0);

/** Waiters poll as holders beat: a third of the lifetime that their grant will have. */
export function pollMsOf(lifetimeMs: number): number {
  return Math.floor(lifetimeMs / 3);
}

/** Another version may have signed other fields: they vouch for nothing here. */
function placeIn(said: Uint8Array): Place | null {
  try {
    const fields = decode(said);
    if (!Array.isArray(fields)) return null;
    const [license, count, since, at, origin] = fields as unknown[];
    if (typeof license !== 'string' || typeof count !== 'number') return null;
    if (typeof since !== 'number' || typeof at !== 'number') return null;
    return typeof origin === 'number' ? { license, count, since, at, origin } : null;
  } catch (error) {
    if (error instanceof LmError) return null;
    throw error;
  }
}
