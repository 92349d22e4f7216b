/**
 * Reading an RLF of thousands of codes takes half a second, in which a server would answer nobody:
 * this verifies a few codes at a time, so that `readRlf` finds them verified (verified-codes.ts).
 */
import { LmError } from '../errors.ts';
import { readCode } from './code.ts';
import { readRlf, readSigned } from './rlf.ts';
import { keysByVendor } from './rlf-licenses.ts';
import type { Rlf } from './types.ts';

export class RlfReading {
  readonly text: string;
  readonly #tokens: readonly string[];
  readonly #keys: ReadonlyMap<string, readonly string[]>;
  #next = 0;

  constructor(text: string) {
    this.text = text;
    const { tokens, vendors } = partsOf(text);
    this.#tokens = tokens;
    this.#keys = vendors;
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
    return readRlf(this.text);
  }
}

/** None of an RLF that is not signed as it should be: `read` says so without looking at them. */
function partsOf(text: string) {
  try {
    const { document, vendors } = readSigned(text);
    const tables = document['license'];
    const codes = Array.isArray(tables) ? tables.map((table: unknown) => codeIn(table)) : [];
    return {
      tokens: codes.filter((code) => code !== null),
      vendors: keysByVendor(vendors),
    };
  } catch (error) {
    if (error instanceof LmError) return { tokens: [], vendors: keysByVendor([]) };
    throw error;
  }
}

function codeIn(table: unknown): string | null {
  if (typeof table !== 'object' || table === null || !('code' in table)) return null;
  return typeof table.code === 'string' ? table.code : null;
}
