/** A stream of JSON lines, with a bound on their length: a longer one is reported and skipped. */

export interface LineHandler {
  readonly onLine: (line: string) => void;
  readonly onTooLong: () => void;
}

export class LineSplitter {
  readonly #handler: LineHandler;
  readonly #bytesMax: number;
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** The rest of a line that is too long goes by unread. */
  #skipping = false;

  constructor(bytesMax: number, handler: LineHandler) {
    this.#bytesMax = bytesMax;
    this.#handler = handler;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#take(chunk.subarray(from, at));
      this.end();
      from = at + 1;
    }
    if (from < chunk.length) this.#take(chunk.slice(from));
  }

  /** What came without a newline at the end is a line too. */
  end(): void {
    const line = Buffer.concat(this.#chunks).toString('utf8').trim();
    this.#chunks = [];
    this.#length = 0;
    if (this.#skipping) this.#skipping = false;
    else if (line !== '') this.#handler.onLine(line);
  }

  #take(part: Uint8Array): void {
    if (this.#skipping) return;
    this.#length += part.length;
    if (this.#length <= this.#bytesMax) {
      this.#chunks.push(part);
      return;
    }
    this.#skipping = true;
    this.#chunks = [];
    this.#handler.onTooLong();
  }
}

const NEWLINE = 10;
