/** Reads an object from outside field by field: exact types, bounds, and nothing left over. */
import { LmError } from '../errors.ts';
import { quoted } from './names.ts';

/** Says what is wrong with a text, or null. */
export type Problem = (text: string) => string | null;

export interface Range {
  readonly min: number;
  readonly max: number;
}

export class Fields {
  readonly where: string;
  /** The object as it came. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #asked = new Set<string>();

  /**
   * `where` names the place in messages, such as `[[server]] 2`. Throws `bad-data`, as all here.
   */
  constructor(value: unknown, where: string) {
    this.where = where;
    if (!isPlainObject(value)) throw badData(`${where} is not a table of fields.`);
    this.raw = value;
    this.#values = new Map(Object.entries(value));
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string, problem: Problem): string {
    const value = this.#take(name);
    if (typeof value !== 'string') throw this.refuse(name, 'is not a text');
    const complaint = problem(value);
    if (complaint !== null) throw this.refuse(name, complaint, value);
    return value;
  }

  integer(name: string, { min, max }: Range): number {
    const value = this.number(name, { min, max });
    if (!Number.isSafeInteger(value)) throw this.refuse(name, 'is not a whole number');
    return value;
  }

  number(name: string, { min, max }: Range): number {
    const value = this.#take(name);
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      throw this.refuse(name, `is not a number from ${min} to ${max}`);
    }
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== 'boolean') throw this.refuse(name, 'is neither true nor false');
    return value;
  }

  table(name: string): Fields {
    return new Fields(this.#take(name), `${this.where} ${name}`.trim());
  }

  /** An array of tables; none where the field is absent. */
  tables(name: string, countMax: number): Fields[] {
    if (!this.has(name)) return [];
    const value = this.#take(name);
    if (!Array.isArray(value)) throw this.refuse(name, 'is not a list of tables');
    if (value.length > countMax) throw this.refuse(name, `has more than ${countMax} entries`);
    return value.map((item, i) => new Fields(item, `${this.where} [[${name}]] ${i + 1}`.trim()));
  }

  /** A field that was looked at in another way. */
  ignore(name: string): void {
    this.#asked.add(name);
  }

  /** Every name that is present, for tables whose keys are data. */
  names(): string[] {
    return [...this.#values.keys()];
  }

  /** To be called last: a field that nobody asked for is refused by name, never ignored. */
  end(): void {
    for (const name of this.#values.keys()) {
      if (this.#asked.has(name)) continue;
      const { message } = this.refuse(name, 'is not a field that lm knows');
      throw badData(message, 'Correct its spelling; if a newer lm wrote it, update lm here first.');
    }
  }

  refuse(name: string, problem: string, value?: string): LmError {
    const place = this.where === '' ? '' : `${this.where}: `;
    const shown = value === undefined ? '' : ` ${quoted(value)}`;
    return badData(`${place}${quoted(name)}${shown} ${problem}.`);
  }

  #take(name: string): unknown {
    this.#asked.add(name);
    if (!this.#values.has(name)) throw this.refuse(name, 'is missing');
    return this.#values.get(name);
  }
}

export function badData(message: string, hint = ''): LmError {
  return new LmError('bad-data', message, hint);
}

/** Dates of TOML and other class instances are not tables. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
