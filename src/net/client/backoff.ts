/** Pauses between tries: doubling, with jitter, so that many clients don't come as one. */

export interface Pace {
  readonly firstMs: number;
  readonly maxMs: number;
  /** 0 up to 1. */
  readonly random: () => number;
}

export class Backoff {
  readonly #pace: Pace;
  #pauseMs = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** How long to wait before the next try: half to all of a pause that doubles. */
  next(): number {
    const { firstMs, maxMs, random } = this.#pace;
    this.#pauseMs = Math.min(maxMs, Math.max(firstMs, this.#pauseMs * 2));
    return this.#pauseMs * (0.5 + random() / 2);
  }

  reset(): void {
    this.#pauseMs = 0;
  }
}
