/**
 * The time that a commuter's seat is judged by: wall time that never goes back. The token says what
 * the pool's time was, a file beside the seat's what time was seen last, and the boot-time clock
 * counts on from there while the machine runs. A wall clock behind that was set back.
 */
import { readFileSync } from 'node:fs';
import { LmError } from '../../../engine/errors.ts';
import { badData, Fields } from '../../../engine/license/fields.ts';
import { CLOCK_DRIFT_MAX, COMMUTER_SKEW_MS } from '../../../engine/limits.ts';
import { type BootClock, bootClock } from '../boot-clock.ts';
import { writeDurably } from '../durable-file.ts';
import { machineName } from '../machine.ts';
import { unusable } from './file.ts';

export interface Clocks {
  readonly boot: BootClock;
  readonly wall: () => number;
  /** Names whose boot-time clock it is: after a start of the machine it is another one. */
  readonly name: string | null;
}

/** Of this machine. */
export function clocksHere(): Clocks {
  return { boot: bootClock(), wall: Date.now, name: machineName() };
}

interface Seen {
  readonly judged: number;
  readonly name: string | null;
  readonly boot: number;
}

export class CommuterClock {
  readonly #path: string;
  readonly #clocks: Clocks;
  #seen: Seen;

  /**
   * `issuedAt`: the pool's time, milliseconds since 1970.
   *
   * @throws LmError `bad-data` where what was remembered can't be read.
   */
  constructor(file: string, issuedAt: number, clocks: Clocks = clocksHere()) {
    this.#path = clockPath(file);
    this.#clocks = clocks;
    const nothing = { judged: issuedAt, name: null, boot: 0 };
    const seen = this.#read() ?? nothing;
    this.#seen = seen.judged < issuedAt ? nothing : seen;
  }

  /** Milliseconds since 1970. Never falls. @throws LmError `not-authorized`: it was set back. */
  read(): number {
    const { boot, wall, name } = this.#clocks;
    const [now, shown] = [boot(), wall()];
    const { judged } = this.#seen;
    const runs = name !== null && name === this.#seen.name;
    const passed = runs ? Math.max(0, now - this.#seen.boot) * (1 - CLOCK_DRIFT_MAX) : 0;
    const least = judged + passed;
    this.#seen = { judged: Math.max(least, shown), name, boot: now };
    if (shown >= least - COMMUTER_SKEW_MS) return this.#seen.judged;
    throw new LmError(
      'not-authorized',
      `The clock of this machine was set back: it shows ${iso(shown)}, ` +
        `and it was ${iso(least)} before.`,
      'Set it right. If it was wrong before: lm commute in, and out again.',
      { reason: 'clock-set-back', shows: iso(shown), seen: iso(least) },
    );
  }

  /** Keeps what was seen, for the next start. @throws LmError `config`. */
  keep(): void {
    const before = this.#read();
    if (before !== null && before.judged > this.#seen.judged) return;
    try {
      const text = `${JSON.stringify(this.#seen)}\n`;
      writeDurably(this.#path, text, { mode: 0o600, replace: true });
    } catch (error) {
      throw unusable(this.#path, 'written', error);
    }
  }

  #read(): Seen | null {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw unusable(this.#path, 'read', error);
    }
    return seenIn(text, this.#path);
  }
}

/** Where the time that was seen last is remembered. */
export function clockPath(file: string): string {
  return `${file}.clock`;
}

function seenIn(text: string, path: string): Seen {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badData(`${path} was changed: it is not JSON.`, HINT);
  }
  const fields = new Fields(value, path);
  const range = { min: 0, max: Number.MAX_SAFE_INTEGER };
  return {
    judged: fields.number('judged', range),
    name: fields.raw['name'] === null ? null : fields.text('name', () => null),
    boot: fields.number('boot', range),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

const HINT = 'Check the seat in, and out again: lm commute in, lm commute out.';
