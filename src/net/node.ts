/**
 * The node loop: gathers all that has arrived, then reads the time, steps the core, writes what it
 * asks for in one transaction, flushes, and only then sends. While one flush is under way the next
 * batch gathers in the sockets: group commit, the only way to many grants a second.
 */
import type { Client } from '../engine/client.ts';
import type { Core } from '../engine/core.ts';
import type { Effects, PeerSend } from '../engine/effects.ts';
import type { Event } from '../engine/event.ts';
import type { Write } from '../engine/records.ts';
import type { Time } from '../engine/time.ts';
import type { Log } from './log.ts';
import type { ServerMessage } from './protocol.ts';

/** A client that can be answered. Messages are kept until `flush`, which sends them together. */
export interface Answerable extends Client {
  send(message: ServerMessage): void;
  flush(): void;
}

export interface NodeOptions {
  readonly core: Core;
  /** Writes all or nothing; on disk when it returns. Throws: the node ends. */
  readonly commit: (writes: readonly Write[]) => void;
  readonly now: () => Time;
  readonly log: Log;
  /** Takes what a turn has for other servers of the pool, in order, and sends it at once. */
  readonly sendPeers: (sends: readonly PeerSend[]) => void;
  /** Something was done, and all that came of it is on disk and sent. */
  readonly onTurn?: () => void;
  /** The core has to start anew from its records. */
  readonly onRestart?: () => void;
  /** A write failed or an invariant broke: nothing may be promised any more. */
  readonly onFailure: (error: unknown) => void;
}

/** Longest sleep between two ticks, in milliseconds: timers drift and clocks jump. */
const TICK_MS_MAX = 1_000;

/** A batch of this size is worth a flush of its own. */
const GATHER_MAX = 128;
/** A turn that took longer says nothing about the next. */
const TURN_MS_MAX = 10;

export class Node {
  readonly #options: NodeOptions;
  #inbox: Event[] = [];
  #scheduled = false;
  #lastBatch = 0;
  /** What a turn takes, from its first event to its last reply, smoothed. */
  #turnMs = 0;
  #gatherUntil = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #stopped = false;
  /** Transactions flushed and events taken, for the benchmark and the log. */
  readonly counters = { flushes: 0, batches: 0, events: 0 };

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  /** Brings the core's entry into the pool to disk, and begins to tick. */
  start(): void {
    this.#guarded(() => this.#finish());
    this.#sleep();
  }

  /** Takes an event into the next batch. */
  receive(event: Event): void {
    this.#inbox.push(event);
    this.#schedule();
  }

  /**
   * Steps one event at once, for what must be known to have worked: throws what the core throws.
   */
  now(event: Event): void {
    this.#options.core.step(event, this.#options.now());
    this.#guarded(() => this.#finish());
  }

  /** Answers what has arrived, and takes nothing more. */
  stop(): void {
    this.#run();
    this.#halt();
  }

  #halt(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#gatherUntil = 0;
    // Immediates run once all sockets that were ready have been read.
    setImmediate(this.#gather);
  }

  /**
   * Clients that were answered together ask again nearly together. Flushing for the first of them
   * would keep the rest waiting for a whole turn, so a batch smaller than the last one waits for
   * more, at most for as long as a turn takes here.
   */
  readonly #gather = (): void => {
    if (this.#inbox.length < Math.min(this.#lastBatch, GATHER_MAX)) {
      const now = performance.now();
      if (this.#gatherUntil === 0) this.#gatherUntil = now + this.#turnMs;
      if (now < this.#gatherUntil) {
        setImmediate(this.#gather);
        return;
      }
    }
    this.#run();
  };

  #run(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    const before = performance.now();
    this.#guarded(() => {
      const events = this.#inbox;
      this.#inbox = [];
      this.#lastBatch = events.length;
      const { core, now } = this.#options;
      const time = now();
      for (const event of events) core.step(event, time);
      if (core.nextTick <= time.boot) core.step({ type: 'tick' }, time);
      this.counters.batches++;
      this.counters.events += events.length;
      this.#finish();
    });
    this.#turnMs += (Math.min(performance.now() - before, TURN_MS_MAX) - this.#turnMs) / 8;
    this.#sleep();
  }

  #finish(): void {
    this.#perform();
    if (this.#options.core.restart === 'decided') {
      this.#halt();
      this.#options.onRestart?.();
      return;
    }
    this.#options.onTurn?.();
  }

  /** Writes, flushes, sends; and again, as long as what is on disk leads to more. */
  #perform(): void {
    const { core, commit, now } = this.#options;
    for (;;) {
      const effects = core.takeEffects();
      if (effects.writes.length > 0) {
        commit(effects.writes);
        this.counters.flushes++;
      }
      this.#send(effects);
      if (effects.writes.length === 0) return;
      core.step({ type: 'persisted' }, now());
    }
  }

  #send({ replies, sends, notices }: Effects): void {
    if (sends.length > 0) this.#options.sendPeers(sends);
    const answered = new Set<Answerable>();
    for (const { client, message } of replies) {
      const to = client as Answerable;
      to.send(message);
      answered.add(to);
    }
    for (const client of answered) client.flush();
    for (const { level, message, fields } of notices) this.#options.log(level, message, fields);
  }

  #sleep(): void {
    if (this.#stopped) return;
    const time = this.#options.now();
    const next = Math.min(this.#options.core.nextTick, time.boot + TICK_MS_MAX);
    if (this.#timer !== null && this.#timerAt <= next && this.#timerAt > time.boot) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAt = next;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#run();
      },
      Math.max(1, Math.ceil(next - time.boot)),
    );
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#halt();
      this.#options.onFailure(error);
    }
  }
}
