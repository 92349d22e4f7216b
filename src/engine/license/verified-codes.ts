/**
 * License codes whose signatures were verified: an RLF that follows another has most of its codes,
 * and a signature that was right for a text and a key stays right. Nothing else is remembered, so
 * this changes how long reading takes and never what is read.
 */
import { LICENSES_MAX } from '../limits.ts';
import type { LicenseCode } from './types.ts';

interface Verified {
  readonly key: string;
  readonly code: LicenseCode;
}

/** Codes of the RLF in force, and of one that is to follow it. */
const KEPT_MAX = 2 * LICENSES_MAX;

export class VerifiedCodes {
  readonly #codes = new Map<string, Verified>();

  /** What the token says, if one of its vendor's keys was found to have signed it. */
  get(token: string, keysOf: (vendor: string) => readonly string[]): LicenseCode | null {
    const known = this.#codes.get(token);
    if (known === undefined) return null;
    return keysOf(known.code.vendor).includes(known.key) ? known.code : null;
  }

  add(token: string, key: string, code: LicenseCode): void {
    // The oldest go first: those of the RLF that was in force longest ago.
    for (const oldest of this.#codes.keys()) {
      if (this.#codes.size < KEPT_MAX) break;
      this.#codes.delete(oldest);
    }
    this.#codes.set(token, { key, code });
  }
}
