/** The configurations in the log, oldest first: the newest is in force, committed or not (§4.1). */
import { assert } from '../errors.ts';
import type { Configuration, Snapshot } from './types.ts';

interface Placed {
  readonly index: number;
  readonly configuration: Configuration;
}

export class ConfigurationHistory {
  /** Never empty: the first one holds at the beginning of the log. */
  #list: Placed[];

  constructor({ index, configuration }: Snapshot) {
    this.#list = [{ index, configuration }];
  }

  get newest(): Placed {
    return this.#last(this.#list);
  }

  /** The one before the newest, or null where the log no longer has it. */
  get previous(): Placed | null {
    return this.#list.at(-2) ?? null;
  }

  at(index: number): Configuration {
    return this.#last(this.#list.filter((placed) => placed.index <= index)).configuration;
  }

  push(index: number, configuration: Configuration): void {
    this.#list.push({ index, configuration });
  }

  truncate(from: number): void {
    this.#list = this.#list.filter((placed) => placed.index < from);
  }

  /** Keeps the one in force at `index` and everything after it. */
  forgetBefore(index: number): void {
    const inForce = this.#last(this.#list.filter((placed) => placed.index <= index));
    this.#list = this.#list.filter((placed) => placed.index >= inForce.index);
  }

  /** From here on a majority is enough, where all were needed. */
  settle(): void {
    this.#list = this.#list.map(({ index, configuration: { voters, learners } }) => {
      return { index, configuration: { voters, learners } };
    });
  }

  reset({ index, configuration }: Snapshot): void {
    this.#list = [{ index, configuration }];
  }

  #last(list: readonly Placed[]): Placed {
    const last = list.at(-1);
    assert(last !== undefined, 'there is always a configuration');
    return last;
  }
}
