/** The server of a simulation: the real core in the real node loop, on a simulated machine. */
import { Core } from '../../src/engine/core.ts';
import type { Event } from '../../src/engine/event.ts';
import type { Rlf } from '../../src/engine/license/types.ts';
import type { ClientMessage } from '../../src/engine/messages.ts';
import type { Write } from '../../src/engine/records.ts';
import { Node } from '../../src/net/node.ts';
import { fingerprintOf } from '../engine/sample-rlf.ts';
import type { Connection } from './connection.ts';
import { type Disk, SimulatedCrash } from './disk.ts';
import type { Host } from './host.ts';
import type { ServerOptions } from './options.ts';
import type { Random } from './random.ts';
import { type Timers, timersOn, withTimers } from './timers.ts';

export const SERVER_ID = fingerprintOf(0);

/** One run of the server, from its start to its death. */
export interface Process {
  readonly core: Core;
  readonly node: Node;
  alive: boolean;
}

export interface ServerEvents {
  /** The server did something, and is at rest again. */
  readonly onTurn: (process: Process) => void;
  readonly onDeath: (process: Process) => void;
  /** An invariant broke, or something else that is a defect. */
  readonly onDefect: (error: unknown) => void;
}

export class SimulatedServer {
  readonly host: Host;
  readonly #disk: Disk;
  readonly #options: ServerOptions;
  readonly #random: Random;
  readonly #founding: Rlf;
  readonly #events: ServerEvents;
  #boots = 0;
  process: Process | null = null;

  constructor(parts: {
    readonly host: Host;
    readonly disk: Disk;
    readonly options: ServerOptions;
    readonly random: Random;
    readonly founding: Rlf;
    readonly events: ServerEvents;
  }) {
    this.host = parts.host;
    this.#disk = parts.disk;
    this.#options = parts.options;
    this.#random = parts.random;
    this.#founding = parts.founding;
    this.#events = parts.events;
  }

  /** As `lm serve` does it, with an RLF to offer or none. */
  start(offered: Rlf | null): void {
    const options = {
      server: SERVER_ID,
      name: 'A',
      boot: ++this.#boots,
      transaction: 0,
      start: this.#boots,
      founding: this.#founding,
      secret: new Uint8Array(32).fill(5),
    };
    let process: Process | null = null;
    try {
      const core = Core.recover(options, this.#disk, this.host.time);
      const node = new Node({
        core,
        commit: (writes) => this.#commit(writes),
        now: () => this.host.time,
        log: () => undefined,
        sendPeers: () => undefined,
        onFailure: (error) => this.#failed(error),
      });
      process = { core, node, alive: true };
    } catch (error) {
      this.#events.onDefect(error);
      return;
    }
    this.process = process;
    this.#turn(process, () => process.node.start());
    if (offered !== null) this.offer(offered);
  }

  /** kill -9, or worse: nothing more is done; what was flushed is on disk. */
  kill(): void {
    const { process } = this;
    if (process === null) return;
    process.alive = false;
    this.process = null;
    this.#events.onDeath(process);
  }

  receive(event: Event & ({ client: Connection } | { type: 'tick' })): void {
    const { process } = this;
    if (process !== null) withTimers(this.#timers(process), () => process.node.receive(event));
  }

  message(client: Connection, message: ClientMessage): void {
    this.receive({ type: 'message', client, message });
  }

  offer(rlf: Rlf): void {
    const { process } = this;
    if (process === null) return;
    this.#turn(process, () => process.node.now({ type: 'offered', rlf }));
  }

  #turn(process: Process, run: () => void): void {
    withTimers(this.#timers(process), run);
    if (process.alive) this.#events.onTurn(process);
  }

  #timers(process: Process): Timers {
    const gatherMs = () => this.#random.exponential(this.#options.gatherMs);
    return timersOn(this.host, gatherMs, (run) => () => {
      if (process.alive) this.#turn(process, run);
    });
  }

  #commit(writes: readonly Write[]): void {
    this.host.take(this.#random.exponential(this.#options.flushMs));
    this.#disk.commit(writes);
  }

  #failed(error: unknown): void {
    if (error instanceof SimulatedCrash) this.kill();
    else this.#events.onDefect(error);
  }
}
