/**
 * A simulated pool of one server and its clients: everything that happens follows from one seed. A
 * time in which much goes wrong, then one in which nothing does: by then everybody who asks must be
 * served, and in the end every seat must have come back.
 */
import { createHash } from 'node:crypto';
import type { Rlf } from '../../src/engine/license/types.ts';
import type { ClientMessage } from '../../src/engine/messages.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';
import { Agenda } from './agenda.ts';
import { brief } from './brief.ts';
import { SimulatedClient, type Surroundings } from './client.ts';
import { Connection } from './connection.ts';
import { Disk, SimulatedCrash } from './disk.ts';
import { check } from './failure.ts';
import { Faults } from './faults.ts';
import { Host } from './host.ts';
import { drawGrants, finalGrants, type Grants, licensesOf, rlfOf } from './licenses.ts';
import { Path } from './network.ts';
import { Observer } from './observer.ts';
import { drawOptions, type Options } from './options.ts';
import { Random } from './random.ts';
import { SERVER_ID, SimulatedServer } from './server.ts';
import { lendingTimers } from './timers.ts';

export interface Result {
  readonly seed: number;
  readonly options: Options;
  /** Of all that happened, in order. */
  readonly trace: string;
  readonly steps: number;
  readonly counts: Readonly<Record<string, number>>;
}

const CALM_MS_MAX = 3_600_000;
const SERVED_IN_CALM = 2;
/** Longest hold of a seat, and how long the server may take to look for it. */
const HOLD_MS_MAX = 90_000;
const LOOK_MS_MAX = 3_000;

export class World implements Surroundings {
  readonly seed: number;
  readonly options: Options;
  readonly agenda = new Agenda();
  readonly server: SimulatedServer;
  readonly clients: SimulatedClient[] = [];
  readonly observer: Observer;
  calm = false;
  closing = false;
  readonly #random: Random;
  readonly #grants = new Map<number, Grants>();
  readonly #rlfs = new Map<number, Rlf>();
  readonly #hash = createHash('sha256');
  readonly #log: ((line: string) => void) | null;
  readonly #faults: Faults;
  #connections = 0;
  #powerless = false;
  #open = new Set<Connection>();
  #defect: { readonly error: unknown } | null = null;

  constructor(seed: number, log: ((line: string) => void) | null = null) {
    this.seed = seed;
    this.#log = log;
    this.#random = new Random(seed);
    this.options = drawOptions(this.#random.fork());
    const founding = this.newGrants();
    const { rates, server } = this.options;
    const host = new Host(this.agenda, rates.server, this.#random.between(10_000, 1e9));
    this.observer = new Observer(this.#grants, founding, () => host.boot);
    const diskRandom = this.#random.fork();
    const disk = new Disk(
      () => this.#faults.fateOfCommit(diskRandom),
      (writes) => this.observer.written(writes),
    );
    this.server = new SimulatedServer({
      host,
      disk,
      options: server,
      random: this.#random.fork(),
      founding: this.rlf(founding.sequence),
      events: {
        onTurn: (process) => this.#guarded(() => this.observer.turned(process)),
        onDeath: () => this.#onDeath(),
        onDefect: (error) => {
          this.#defect ??= { error };
        },
      },
    });
    this.#faults = new Faults(this, this.#random.fork());
  }

  /** Throws what was found, if anything was. */
  run(): Result {
    return lendingTimers(() => this.#run());
  }

  #run(): Result {
    this.server.start(null);
    this.#startClients();
    this.#faults.start();
    this.#runUntil(this.options.durationMs);
    this.#becalm();
    const served = () => this.clients.every((one) => one.servedInCalm >= SERVED_IN_CALM);
    this.#runUntil(this.agenda.now + CALM_MS_MAX, served);
    check(served(), 'everybody who keeps asking is served', () =>
      this.clients.map((one) => one.servedInCalm),
    );
    this.#close();
    const { seed, options, observer, agenda } = this;
    const counts = { ...observer.counts, ...observer.ledger.counts, ...this.#faults.counts };
    return { seed, options, trace: this.#hash.digest('hex'), steps: agenda.steps, counts };
  }

  trace(line: () => string): void {
    const text = `${this.agenda.now.toFixed(3)} ${line()}\n`;
    this.#hash.update(text);
    this.#log?.(text);
  }

  /** RLFs by their sequence: drawn once, signed when they are needed. */
  newGrants(final = false): Grants {
    const sequence = this.#grants.size + 1;
    const { licenses } = this.options;
    const grants = final
      ? finalGrants(sequence, licenses)
      : drawGrants(sequence, licenses, this.#random);
    this.#grants.set(sequence, grants);
    return grants;
  }

  rlf(sequence: number): Rlf {
    let rlf = this.#rlfs.get(sequence);
    if (rlf === undefined) {
      const grants = this.#grants.get(sequence);
      if (grants === undefined) throw new Error(`no RLF was drawn for ${sequence}`);
      rlf = rlfOf(grants);
      this.#rlfs.set(sequence, rlf);
    }
    return rlf;
  }

  get newestSequence(): number {
    return this.#grants.size;
  }

  connect(client: SimulatedClient, instance: number): Connection {
    const name = `${client.name}:${instance}`.padStart(16, '.');
    const connection = new Connection(client, ++this.#connections, name, {
      promised: (to, message) => this.#guarded(() => this.observer.promised(to, message)),
      deliver: (to, messages) => this.#deliver(to, messages),
    });
    this.#open.add(connection);
    return connection;
  }

  carry(connection: Connection, message: ClientMessage): void {
    this.trace(() => `${connection.client.name} says ${brief(message)}`);
    for (const delay of connection.client.path.delays('up', this.calm)) {
      this.server.host.later(delay, () => this.#arrive(connection, message));
    }
  }

  disconnect(connection: Connection, heard: boolean): void {
    // A server that does not hear of it finds out some time.
    const delay = heard ? this.#random.exponential(50) : this.#random.between(30_000, 90_000);
    this.server.host.later(delay, () => this.#hangUp(connection));
  }

  believes(): void {
    this.#guarded(() => this.observer.checkPromise());
  }

  /** kill -9, or a power cut: then nobody is told, and the machine starts anew as well. */
  stopServer(power: boolean): void {
    if (this.server.process === null) return;
    this.trace(() => (power ? 'the power fails' : 'the server is killed'));
    this.#powerless = power;
    this.server.kill();
  }

  #onDeath(): void {
    this.trace(() => 'the server is down');
    this.observer.died();
    for (const connection of this.#open) if (!this.#powerless) this.#reset(connection);
    this.#open.clear();
    this.agenda.after(this.#faults.downMs(), () => this.#startServer(this.#random.chance(0.3)));
  }

  #startServer(offers: boolean): void {
    if (this.server.process !== null) return;
    if (this.#powerless) this.server.host.reboot();
    this.#powerless = false;
    this.trace(() => 'the server starts');
    this.server.start(offers ? this.rlf(this.newestSequence) : null);
  }

  #reset(connection: Connection): void {
    if (connection.closed) return;
    connection.closed = true;
    for (const delay of connection.client.path.delays('down', this.calm)) {
      connection.client.host.later(delay, () => connection.client.reset(connection));
      return;
    }
  }

  #arrive(connection: Connection, message: ClientMessage): void {
    const { process } = this.server;
    connection.process ??= process;
    if (process === null || connection.process !== process) this.#reset(connection);
    if (process === null || connection.closed) return;
    this.trace(() => `${connection.client.name} is heard ${brief(message)}`);
    this.#guarded(() => this.observer.arrived(connection, message));
    this.server.message(connection, message);
  }

  #hangUp(connection: Connection): void {
    if (connection.closed) return;
    connection.closed = true;
    this.#open.delete(connection);
    if (connection.process === null || connection.process !== this.server.process) return;
    this.observer.closed(connection);
    this.server.receive({ type: 'closed', client: connection });
  }

  #deliver(connection: Connection, messages: readonly ServerMessage[]): void {
    if (this.#faults.dies()) throw new SimulatedCrash('while it sends');
    for (const message of messages) {
      this.trace(() => `the server says ${brief(message)} to ${connection.client.name}`);
      for (const delay of connection.client.path.delays('down', this.calm)) {
        const ahead = this.server.host.trueNow - this.agenda.now;
        connection.client.host.later(ahead + delay, () => connection.client.receive(message));
      }
    }
  }

  #startClients(): void {
    const { rates, network, clients } = this.options;
    for (let n = 1; n <= clients.count; n++) {
      const random = this.#random.fork();
      const rate = random.between(rates.clientMin, rates.clientMax);
      const host = new Host(this.agenda, rate, random.between(1_000, 1e8));
      const path = new Path(this.agenda, network, random.fork());
      this.clients.push(new SimulatedClient({ name: `c${n}`, host, path, random }, this));
    }
  }

  /** All faults end, and an RLF comes that has seats for everybody. */
  #becalm(): void {
    this.calm = true;
    this.#faults.stop();
    for (const { path } of this.clients) path.heal();
    this.newGrants(true);
    if (this.server.process === null) this.#startServer(true);
    else this.server.offer(this.rlf(this.newestSequence));
    // Connections that nobody uses are found out.
    for (const connection of [...this.#open]) {
      if (!connection.client.uses(connection)) this.#hangUp(connection);
    }
  }

  /** Nobody asks for anything new: every seat comes back. */
  #close(): void {
    this.closing = true;
    const { licenses } = this.options;
    const last = 1.02 * Math.max(licenses.lifetimeMs.max, HOLD_MS_MAX) + LOOK_MS_MAX + 60_000;
    this.#runUntil(this.agenda.now + 2 * last);
    const { process } = this.server;
    check(
      process !== null && process.core.keyCount === 0,
      'every seat comes back',
      () => process?.core.keyCount,
    );
    const accounts = process?.core.state.accounts ?? new Map();
    const named = licensesOf(this.observer.ledger.grants);
    check(accounts.size === named.length, 'licenses that were dropped are gone', () => [
      ...accounts.keys(),
    ]);
    for (const [license, { hardLimit, deficit, freePool, rows }] of accounts) {
      const available = freePool + (rows.get(SERVER_ID) ?? 0);
      const facts = () => ({ license, available, hardLimit, deficit });
      check(available === hardLimit && deficit === 0, 'all seats are available again', facts);
    }
  }

  #runUntil(time: number, until: () => boolean = () => false): void {
    this.agenda.run(time, () => this.#defect !== null || until());
    if (this.#defect !== null) throw this.#defect.error;
  }

  /** What is found inside the server must not look like a failure of the server. */
  #guarded(watch: () => void): void {
    try {
      watch();
    } catch (error) {
      this.#defect ??= { error };
    }
  }
}
