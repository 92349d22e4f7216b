/**
 * Reading an RLF of thousands of codes takes half a second, in which a server would answer nobody:
 * this verifies a few codes at a time, so that `read` finds them verified (verified-codes.ts).
 */
import { LmError } from '../errors.ts';
import { readCode } from './code.ts';
import { readRlf, readSigned, recentRlf, type SignedRlf } from './rlf.ts';
import { keysByVendor } from './rlf-licenses.ts';
import type { Rlf } from './types.ts';

export class RlfReading {
  readonly text: string;
  /** Null for one that was read before, and for one that is refused as a whole. */
  readonly #signed: SignedRlf | null;
  readonly #tokens: readonly string[];
  readonly #keys: ReadonlyMap<string, readonly string[]>;
  #next = 0;

  constructor(text: string) {
    this.text = text;
    this.#signed = recentRlf(text) === null ? signedOf(text) : null;
    this.#tokens = codesIn(this.#signed?.document['license']);
    this.#keys = keysByVendor(this.#signed?.vendors ?? []);
  }

  /** How many codes it has. */
  get count(): number {
    return this.#tokens.length;
  }

  get isOver(): boolean {
    return this.#next >= this.#tokens.length;
  }

  /** Verifies the next few codes. What is wrong with one, `read` says. */
  step(count: number): void {
    const end = Math.min(this.#next + count, this.#tokens.length);
    for (; this.#next < end; this.#next++) {
      try {
        readCode(this.#tokens[this.#next] ?? '', (vendor) => this.#keys.get(vendor) ?? []);
      } catch (error) {
        if (!(error instanceof LmError)) throw error;
        this.#next = this.#tokens.length;
      }
    }
  }

  /** @throws LmError as `readRlf`. */
  read(): Rlf {
    return this.#signed === null ? readRlf(this.text) : this.#signed.read();
  }
}

/** Null for an RLF that is not signed as it should be: `read` says so. */
function signedOf(text: string): SignedRlf | null {
  try {
    return readSigned(text);
  } catch (error) {
    if (error instanceof LmError) return null;
    throw error;
  }
}

function codesIn(tables: unknown): string[] {
  const codes = Array.isArray(tables) ? tables.map((table: unknown) => codeIn(table)) : [];
  return codes.filter((code) => code !== null);
}

function codeIn(table: unknown): string | null {
  if (typeof table !== 'object' || table === null || !('code' in table)) return null;
  return typeof table.code === 'string' ? table.code : null;
}
