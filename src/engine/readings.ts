/** RLFs that are being read, one after the other, a little at a time: clients are served, too. */
import { LmError } from './errors.ts';
import { RlfReading } from './license/rlf-reading.ts';
import type { Rlf } from './license/types.ts';
import {
  CODES_READ_AT_ONCE,
  CODES_READ_PAUSE_MS,
  CODES_READ_WHOLE,
  RLF_READINGS_MAX,
} from './limits.ts';
import type { Time } from './time.ts';

export interface Reader {
  readonly text: string;
  /** May throw an LmError, which `refuse` is then told. */
  readonly use: (rlf: Rlf, time: Time) => void;
  readonly refuse: (error: LmError) => void;
}

export class Readings {
  readonly #waiting: Reader[] = [];
  #reading: RlfReading | null = null;
  #nextDue = Number.POSITIVE_INFINITY;

  get nextDue(): number {
    return this.#nextDue;
  }

  /** One of this text is being read, or waits for it. */
  has(text: string): boolean {
    return this.#waiting.some((reader) => reader.text === text);
  }

  /** A short one is read at once. */
  add(reader: Reader, time: Time): void {
    if (this.#waiting.length >= RLF_READINGS_MAX) {
      const message = 'The server reads other RLFs at the moment.';
      reader.refuse(new LmError('busy', message, 'Push it again in a moment.'));
      return;
    }
    this.#waiting.push(reader);
    if (this.#waiting.length > 1) return;
    this.#begin(time);
  }

  tick(time: Time): void {
    if (time.boot < this.#nextDue) return;
    this.#reading?.step(CODES_READ_AT_ONCE);
    this.#goOn(time);
  }

  #begin(time: Time): void {
    const [reader] = this.#waiting;
    this.#reading = reader === undefined ? null : new RlfReading(reader.text);
    this.#nextDue = Number.POSITIVE_INFINITY;
    if (this.#reading === null) return;
    if (this.#reading.count <= CODES_READ_WHOLE) this.#reading.step(CODES_READ_WHOLE);
    this.#goOn(time);
  }

  #goOn(time: Time): void {
    this.#nextDue = time.boot + CODES_READ_PAUSE_MS;
    if (this.#reading === null || !this.#reading.isOver) return;
    const reading = this.#reading;
    const reader = this.#waiting.shift();
    try {
      reader?.use(reading.read(), time);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      reader?.refuse(error);
    }
    this.#begin(time);
  }
}
