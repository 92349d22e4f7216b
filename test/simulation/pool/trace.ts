/** Everything that happened, as a hash: equal seeds, equal traces. */
import { createHash } from 'node:crypto';

const BATCH_CHARACTERS = 64 * 1024;

export class Trace {
  readonly #hash = createHash('sha256');
  readonly #log: ((line: string) => void) | null;
  #batch = '';

  constructor(log: ((line: string) => void) | null) {
    this.#log = log;
  }

  line(now: number, text: string): void {
    const line = `${now.toFixed(3)} ${text}\n`;
    this.#log?.(line);
    this.#batch += line;
    if (this.#batch.length > BATCH_CHARACTERS) this.#flush();
  }

  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#batch);
    this.#batch = '';
  }
}
