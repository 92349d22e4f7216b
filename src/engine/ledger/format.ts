/**
 * The format of the pool: how its entries, snapshots and records are written (docs/ARCHITECTURE.md,
 * "Versions"). It is in the ledger, and raised at the administrator's word only: until then every
 * server can be set back to the version of lm before, since nobody writes what that can't read.
 */
import { LmError } from '../errors.ts';
import { put, type RecordSource, read, Space, textKey, type Write } from '../records.ts';

/** What this version of lm reads; it writes that of the pool. */
export const FORMAT_MIN = 1;
export const FORMAT_MAX = 1;

/** A pool is founded with it. */
const FIRST = 1;

/** Every version of lm finds it here, whatever else changes: it is read before anything else is. */
const FORMAT_KEY = textKey(Space.state, 'format');

export class Format {
  /** The highest that this server understands. Invariant: FORMAT_MIN <= current <= max. */
  readonly max: number;
  #current = FIRST;
  #written = 0;

  constructor(max: number) {
    this.max = max;
  }

  get current(): number {
    return this.#current;
  }

  /** An entry raises it. False where it is no later one. Throws as `require`. */
  raise(format: number): boolean {
    this.require(format);
    if (format <= this.#current) return false;
    this.#current = format;
    return true;
  }

  /** As records, or a snapshot, have it. Throws as `require`. */
  restore(format: number): void {
    this.require(format);
    this.#current = format;
  }

  /** @throws LmError `config` where this version of lm does not understand it. */
  require(format: number): void {
    requireFormat(format, 'The pool', this.max);
  }

  /** Its record, where that is to be written. */
  takeWrites(): Write[] {
    if (this.#written === this.#current) return [];
    this.#written = this.#current;
    return [put(FORMAT_KEY, this.#current)];
  }
}

/** Of the records of a server, whatever version of lm wrote them. */
export function storedFormat(source: RecordSource): number {
  const value = source.get(FORMAT_KEY);
  return value === null ? FIRST : Number(read(value));
}

/** @throws LmError `config` where this version of lm does not understand the format of `what`. */
export function requireFormat(format: number, what: string, max = FORMAT_MAX): void {
  if (format >= FORMAT_MIN && format <= max) return;
  const understood = FORMAT_MIN === max ? `${max}` : `${FORMAT_MIN} to ${max}`;
  throw new LmError(
    'config',
    `${what} has format ${format}; this version of lm understands ${understood}.`,
    format > max
      ? 'Run the version of lm that the other servers run, or a later one.'
      : 'Run an earlier version of lm, raise the format with lm pool upgrade, then run this one.',
    { format, min: FORMAT_MIN, max },
  );
}
