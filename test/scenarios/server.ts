/** One server of a scenario: the real core on records in memory, run as the node loop runs it. */
import { Core } from '../../src/engine/core.ts';
import { LmError } from '../../src/engine/errors.ts';
import type { Event } from '../../src/engine/event.ts';
import type { Rlf, RlfServer } from '../../src/engine/license/types.ts';
import { MessageType } from '../../src/engine/messages.ts';
import { fingerprintOf, sampleServer } from '../engine/sample-rlf.ts';
import { Records, START } from '../engine/server.ts';
import type { ScenarioPool } from './pool.ts';
import type { StatusDocument } from './text.ts';

const NOBODY = { number: -1, instance: '.'.repeat(16), user: '', host: '', pid: 0, address: '' };

export class ScenarioServer {
  readonly name: string;
  readonly id: string;
  core: Core | null = null;
  /** SIGSTOP: nothing runs, what arrives gathers. */
  stopped = false;
  readonly records = new Records();
  readonly #pool: ScenarioPool;
  readonly #at: number;
  readonly #linked = new Set<ScenarioServer>();
  #inbox: Event[] = [];
  #boots = 0;
  #transaction = 0;
  #skewMs = 0;
  #tickedAt = -1;
  #document: StatusDocument | null = null;
  /** By which one that was not there at the founding knows the pool. */
  joinsBy: Rlf | null = null;
  /** The highest format that its version of lm understands. */
  formatMax = 1;
  #peers: unknown = null;

  constructor(pool: ScenarioPool, name: string, at: number) {
    this.#pool = pool;
    this.name = name;
    this.#at = at;
    this.id = fingerprintOf(at);
  }

  /** In whole milliseconds, and a millisecond after the last one at the soonest, as timers go. */
  get nextTick(): number {
    const due = (this.core?.nextTick ?? Number.POSITIVE_INFINITY) - 1_000;
    return Math.max(Math.ceil(due), this.#tickedAt + 1);
  }

  get time() {
    return { boot: 1_000 + this.#pool.now, wall: START + this.#pool.now + this.#skewMs };
  }

  setWall(skewMs: number): void {
    this.#skewMs = skewMs;
  }

  /** As an RLF lists it; B2 has the name of B. */
  get listed(): RlfServer {
    return sampleServer(this.name.slice(0, 1), this.#at);
  }

  /** It would take a connection of the other one for a server's of its pool. */
  knows(other: ScenarioServer): boolean {
    return this.core?.peers.some(({ fingerprint }) => fingerprint === other.id) ?? false;
  }

  start(): void {
    this.#boots += 1;
    const founding = this.joinsBy ?? this.#pool.rlf;
    const joins = this.joinsBy !== null;
    const options = {
      ...{ server: this.id, name: this.name, boot: this.#boots, founding, joins },
      transaction: this.#transaction,
      start: this.#boots,
      secret: new Uint8Array(32).fill(7),
      program: { version: `0.${this.formatMax}`, protocol: 1, format: this.formatMax },
    };
    try {
      this.core = Core.recover(options, this.records, this.time);
    } catch (error) {
      this.#ends(error);
      return;
    }
    this.#perform();
    if (this.joinsBy !== null) this.step({ type: 'offered', rlf: this.joinsBy });
  }

  /** kill -9; the other servers' connections are reset. */
  crash(): void {
    this.core = null;
    this.#inbox = [];
    this.stopped = false;
    for (const other of [...this.#linked]) this.#pool.reset(this, other);
  }

  /** What waited is one batch: all of it is taken in, then written. */
  resume(): void {
    this.stopped = false;
    const events = this.#inbox;
    this.#inbox = [];
    for (const event of events) this.#take(event);
    this.step({ type: 'tick' });
  }

  meet(other: ScenarioServer): void {
    if (this.#linked.has(other) || other.core === null) return;
    this.#linked.add(other);
    const greeting = other.core.greeting(other.time);
    this.step({ type: 'linked', peer: other.id, greeting });
  }

  lose(other: ScenarioServer): void {
    if (!this.#linked.delete(other)) return;
    this.step({ type: 'gone', peer: other.id });
  }

  step(event: Event): void {
    if (this.stopped) this.#inbox.push(event);
    if (this.core === null || this.stopped) return;
    if (event.type === 'tick') this.#tickedAt = this.#pool.now;
    this.#take(event);
    this.#perform();
  }

  /** Null where it does not run. */
  status(): StatusDocument | null {
    this.#document = null;
    if (this.stopped) return null;
    const { status } = MessageType;
    this.step({ type: 'message', client: NOBODY, message: [status, 0, null, null, null, null] });
    return this.#document;
  }

  /** As `lm rlf push` or SIGHUP has it: what is refused changes nothing. */
  offer(rlf: Rlf): void {
    try {
      this.core?.step({ type: 'offered', rlf }, this.time);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      this.#pool.shown.push(`${this.name} refuses: ${error.message} ${error.hint}`);
    }
    this.#perform();
  }

  /** An expected error ends the process, as it ends `lm serve`. */
  #take(event: Event): void {
    try {
      this.core?.step(event, this.time);
    } catch (error) {
      this.#ends(error);
    }
  }

  #ends(error: unknown): void {
    if (!(error instanceof LmError)) throw error;
    this.#pool.shown.push(`${this.name} ends: ${error.code}`);
    this.crash();
  }

  /** Links are those of the pool as it is in force here. */
  #follow(): void {
    const { core } = this;
    if (core === null || core.peers === this.#peers) return;
    this.#peers = core.peers;
    for (const other of [...this.#linked]) {
      if (this.knows(other)) continue;
      this.#linked.delete(other);
      this.#take({ type: 'gone', peer: other.id });
    }
    this.#pool.later(1, () => this.#pool.link());
  }

  /** Writes, flushes, sends; until nothing is left to be written. */
  #perform(): void {
    for (;;) {
      const { core } = this;
      if (core === null) return;
      const { writes, replies, sends, notices } = core.takeEffects();
      this.records.commit(writes);
      if (writes.length > 0) this.#transaction += 1;
      for (const { message } of replies) {
        if (message[0] !== MessageType.statusPage) this.#pool.answered(this, message);
        else this.#document = message[2] as unknown as StatusDocument;
      }
      for (const { to, message } of sends) {
        const other = this.#pool.byId(to);
        if (this.#linked.has(other)) this.#pool.post(this, other, message);
      }
      for (const { message, fields } of notices) {
        this.#pool.notices.push(`${this.name}: ${message} ${JSON.stringify(fields)}`);
      }
      if (core.restart === 'decided') {
        this.crash();
        this.start();
        this.#pool.link();
        return;
      }
      this.#follow();
      if (writes.length === 0) return;
      core.step({ type: 'persisted' }, this.time);
    }
  }
}
