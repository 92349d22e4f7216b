/** A follower takes in what its leader says, with each message and in between (section 6). */
import type { Outbox } from '../effects.ts';
import type { Pool } from './pool.ts';
import { readWord } from './word.ts';

export class Listening {
  readonly #pool: Pool;
  readonly #outbox: Outbox;
  #knowsLines = false;
  #wasLineHeard = false;

  constructor(pool: Pool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** This leader said who waits. */
  get knowsLines(): boolean {
    return this.#knowsLines;
  }

  /** The last one that did said that somebody does. */
  get wasLineHeard(): boolean {
    return this.#wasLineHeard;
  }

  /** There is another leader. */
  forget(): void {
    this.#knowsLines = false;
  }

  listen(body: Uint8Array): void {
    const word = readWord(body, this.#outbox);
    if (word === null) return;
    const { memory, picture, reporter, session, window } = this.#pool;
    this.#pool.follow(word.clock);
    picture.heard(word);
    for (const { id, shown } of word.servers) memory.learned(id, shown);
    reporter.confirmed(word.change);
    const { echo, lines } = word;
    if (echo !== null && echo.session === session) window.echoed(echo.number);
    if (lines === null) return;
    this.#knowsLines = true;
    this.#wasLineHeard = lines.length > 0;
    this.#pool.heardLines(lines);
  }
}
