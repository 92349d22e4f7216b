/** Everything that happened, as a hash of when it did: equal seeds, equal traces. */
import { createHash } from 'node:crypto';

const BATCH_TIMES = 4_096;

export class Trace {
  readonly #hash = createHash('sha256');
  readonly #log: ((line: string) => void) | null;
  readonly #batch = new Float64Array(BATCH_TIMES);
  #count = 0;

  constructor(log: ((line: string) => void) | null) {
    this.#log = log;
  }

  /** The words are made only for who reads them. */
  line(now: number, text: () => string): void {
    this.#log?.(`${now.toFixed(3)} ${text()}\n`);
    this.#batch[this.#count] = now;
    this.#count += 1;
    if (this.#count === BATCH_TIMES) this.#flush();
  }

  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#batch.subarray(0, this.#count));
    this.#count = 0;
  }
}
