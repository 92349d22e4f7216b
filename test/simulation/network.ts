/** The network: it delays, loses, repeats and reorders. */
import type { Agenda } from './agenda.ts';
import type { NetworkOptions } from './options.ts';
import type { Random } from './random.ts';

/** The way between two machines, one up, one down; each direction may be cut by itself. */
export class Path {
  readonly #agenda: Agenda;
  readonly #options: NetworkOptions;
  readonly #random: Random;
  readonly #cutUntil = { up: 0, down: 0 };

  constructor(agenda: Agenda, options: NetworkOptions, random: Random) {
    this.#agenda = agenda;
    this.#options = options;
    this.#random = random;
  }

  /** Nothing comes through in that direction for so long, in true milliseconds. */
  cut(direction: 'up' | 'down', trueMs: number): void {
    this.#cutUntil[direction] = this.#agenda.now + trueMs;
  }

  isCut(direction: 'up' | 'down'): boolean {
    return this.#agenda.now < this.#cutUntil[direction];
  }

  heal(): void {
    this.#cutUntil.up = 0;
    this.#cutUntil.down = 0;
  }

  /** When the copies of a message arrive, in true milliseconds from now; none where it is lost. */
  delays(direction: 'up' | 'down', calm: boolean): number[] {
    const random = this.#random;
    const { loss, duplicate } = this.#options;
    if (this.isCut(direction)) return [];
    if (calm) return [random.exponential(this.#options.latencyMs)];
    const delays = random.chance(loss) ? [] : [this.#delay()];
    if (random.chance(duplicate)) delays.push(this.#delay() + random.exponential(3_000));
    return delays;
  }

  #delay(): number {
    const { latencyMs, slow, slowMs } = this.#options;
    const more = this.#random.chance(slow) ? this.#random.exponential(slowMs) : 0;
    return this.#random.exponential(latencyMs) + more;
  }
}
