/**
 * A simulated pool of several servers and its clients: everything that happens follows from one
 * seed. A time in which much goes wrong, then one in which nothing does: by then everybody who asks
 * must be served, and in the end every seat must have come back.
 */

import { COMMUTER_SKEW_MS } from '../../../src/engine/limits.ts';
import { type ClientMessage, MessageType } from '../../../src/engine/messages.ts';
import type { PeerMessage } from '../../../src/engine/peer-messages.ts';
import type { ServerMessage } from '../../../src/net/protocol.ts';
import { Agenda } from '../agenda.ts';
import { brief } from '../brief.ts';
import { Disk, SimulatedCrash } from '../disk.ts';
import { check } from '../failure.ts';
import { Host } from '../host.ts';
import { Path } from '../network.ts';
import { Random } from '../random.ts';
import { lendingTimers } from '../timers.ts';
import { briefPeer } from './brief-peer.ts';
import { type ClientSeat, type ClientWorld, PoolClient } from './client.ts';
import { PoolConnection } from './connection.ts';
import { Ending } from './ending.ts';
import { PoolFaults } from './faults.ts';
import { HeldClaims } from './held-claims.ts';
import type { LinkWorld } from './link.ts';
import { optionsForMembers, PoolMembers, SPARES } from './members.ts';
import { PoolNetwork } from './network.ts';
import { PoolObserver } from './observer.ts';
import { drawPoolOptions, drawRate, type PoolOptions } from './options.ts';
import { optionsForRecovery, PoolRecovery } from './recovery.ts';
import { PoolRlfs } from './rlfs.ts';
import { type PoolProcess, PoolServer } from './server.ts';
import { Strays } from './strays.ts';
import { Trace } from './trace.ts';
import { optionsForUpgrade, PoolUpgrade } from './upgrade.ts';

export interface PoolResult {
  readonly seed: number;
  readonly options: PoolOptions;
  /** Of all that happened, in order. */
  readonly trace: string;
  readonly steps: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Servers come and go; or a majority is lost for good; or they are of several versions. */
export type Membership = boolean | 'lost' | 'versions';

function optionsFor(members: Membership, seed: number, random: Random): PoolOptions {
  const drawn = drawPoolOptions(random.fork());
  if (members === false) return drawn;
  if (members === 'versions') return optionsForUpgrade(drawn);
  const own = random.fork();
  return members === 'lost' ? optionsForRecovery(own, seed) : optionsForMembers(drawn, own, seed);
}

export class PoolWorld implements ClientWorld, LinkWorld {
  readonly seed: number;
  readonly options: PoolOptions;
  readonly agenda = new Agenda();
  readonly servers: readonly PoolServer[];
  readonly clients: PoolClient[] = [];
  readonly network: PoolNetwork;
  readonly rlfs: PoolRlfs;
  readonly observer: PoolObserver;
  readonly faults: PoolFaults;
  readonly strays: Strays;
  readonly held: HeldClaims;
  /** Of simulations in which servers come and go. */
  readonly members: PoolMembers | null;
  /** Of simulations in which a majority is lost for good. */
  readonly recovery: PoolRecovery | null;
  /** Of simulations with servers of several versions. */
  readonly upgrade: PoolUpgrade | null;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #open = new Set<PoolConnection>();
  readonly counts = { lost: 0 };
  calm = false;
  closing = false;
  #connections = 0;
  #defect: { readonly error: unknown } | null = null;

  constructor(
    seed: number,
    log: ((line: string) => void) | null = null,
    members: Membership = false,
  ) {
    this.seed = seed;
    this.#trace = new Trace(log);
    this.#random = new Random(seed);
    this.options = optionsFor(members, seed, this.#random);
    this.rlfs = new PoolRlfs(this.options, this.#random.fork());
    const count = this.options.servers + (members === true ? SPARES : 0);
    this.servers = Array.from({ length: count }, (_, at) => this.#makeServer(at));
    const parts = { options: this.options.peers, random: this.#random.fork() };
    this.network = new PoolNetwork(this, this.servers, parts);
    this.observer = new PoolObserver(this.servers, {
      now: () => this.agenda.now,
      wellSince: () => this.#wellSince(),
    });
    this.faults = new PoolFaults(this, this.#random.fork());
    // From a generator of their own: simulations without them are as they were.
    const own = new Random(seed + 2 ** 50);
    this.strays = new Strays(this, own.fork());
    this.held = new HeldClaims(this, own.fork());
    this.members = members === true ? new PoolMembers(this, this.#random.fork()) : null;
    this.recovery = members === 'lost' ? new PoolRecovery(this, this.#random.fork()) : null;
    this.upgrade = members === 'versions' ? new PoolUpgrade(this, this.#random.fork()) : null;
  }

  /** Throws what was found, if anything was. */
  run(): PoolResult {
    return lendingTimers(() => this.#run());
  }

  #run(): PoolResult {
    for (const server of this.servers) {
      if (server.isSpare) continue;
      server.host.later(this.#random.exponential(300), () => this.#start(server, false));
    }
    this.#startClients();
    this.faults.start();
    this.members?.start();
    this.recovery?.start();
    this.upgrade?.start();
    this.runUntil(this.options.durationMs);
    new Ending(this, this.#random.fork()).run();
    const { seed, options, observer, agenda, faults } = this;
    const { ledgers, wire } = observer;
    const seen = { ...observer.counts, ...ledgers.counts, ...wire.counts };
    const counts = {
      ...seen,
      ...faults.counts,
      ...this.members?.counts,
      ...this.recovery?.counts,
      ...this.held.counts,
      ...this.strays.counts,
      ...this.upgrade?.counts,
      ...this.counts,
    };
    return { seed, options, trace: this.#trace.digest(), steps: agenda.steps, counts };
  }

  trace(line: () => string): void {
    this.#trace.line(this.agenda.now, line);
  }

  runUntil(time: number, until: () => boolean = () => false): void {
    this.agenda.run(time, () => this.#defect !== null || until());
    if (this.#defect !== null) throw this.#defect.error;
  }

  /** kill -9, once it has done what it is at; or a power cut: then nobody is told. */
  kill(server: PoolServer, power: boolean): void {
    this.agenda.at(server.busyUntil, () => {
      if (server.process === null || this.faults.stopped) return;
      this.trace(() => `${server.name} ${power ? 'loses power' : 'is killed'}`);
      server.powerless = power;
      server.kill();
    });
  }

  /** All that is parted meets again, and what is down starts. */
  mend(): void {
    if (this.faults.stopped) return;
    this.trace(() => 'all is mended');
    this.network.heal();
    for (const { paths } of this.clients) for (const path of paths) path.heal();
    for (const server of this.servers) this.start(server, false);
  }

  /** As soon as its machine runs. */
  start(server: PoolServer, offers: boolean): void {
    server.host.later(0, () => this.#start(server, offers));
  }

  offer(server: PoolServer, sequence: number): void {
    server.host.later(0, () => {
      if (server.process === null) return;
      this.trace(() => `RLF ${sequence} is offered to ${server.name}`);
      server.offer(this.rlfs.get(sequence));
    });
  }

  connect(client: PoolClient, place: number): PoolConnection {
    const [server, path] = [this.servers[place], client.paths[place]];
    if (server === undefined || path === undefined) throw new Error('no such server');
    const names = { number: ++this.#connections, instance: client.instance };
    const connection = new PoolConnection({ client, server, path }, names, {
      promised: (to, message) => this.#guarded(() => this.observer.promised(to, message)),
      deliver: (to, messages) => this.#deliver(to, messages),
    });
    this.#open.add(connection);
    return connection;
  }

  carry(connection: PoolConnection, message: ClientMessage): void {
    const { client, server, path } = connection;
    this.trace(() => `${client.name} says to ${server.name} ${brief(message)}`);
    const arrive = () => this.#arrive(connection, message);
    const arrives = () => void server.host.later(0, arrive);
    if (this.strays.keeps(connection, message, arrives)) return;
    for (const delay of path.delays('up', this.calm)) server.host.later(delay, arrive);
  }

  disconnect(connection: PoolConnection, heard: boolean): void {
    // A server that does not hear of it finds out some time.
    const delay = heard ? this.#random.exponential(50) : this.#random.between(30_000, 90_000);
    connection.server.host.later(delay, () => this.hangUp(connection));
  }

  believes(): void {
    this.#guarded(() => this.observer.checkPromise());
  }

  lost(client: PoolClient, seat: ClientSeat, why: string): void {
    this.trace(() => `${client.name} loses a seat: ${why}`);
    this.counts.lost++;
    const facts = () => ({ client: client.name, why, count: seat.wish.count });
    const mayLose = this.options.mode !== 'fail-over';
    this.#guarded(() => check(mayLose, 'a fail-over loses no seat', facts));
  }

  carried(from: PoolServer, to: PoolServer, message: PeerMessage): void {
    this.trace(() => `${from.name}>${to.name} ${briefPeer(message)}`);
    this.observer.wire.carried(message);
  }

  /** Connections that nobody uses are found out. */
  hangUpUnused(): void {
    for (const connection of [...this.#open]) {
      if (!connection.client.uses(connection)) this.hangUp(connection);
    }
  }

  hangUp(connection: PoolConnection): void {
    if (connection.closed || this.strays.delays(connection)) return;
    connection.closed = true;
    this.#open.delete(connection);
    const { server, process } = connection;
    if (process === null || process !== server.process) return;
    this.observer.closed(connection);
    server.receive({ type: 'closed', client: connection });
  }

  /** Since when nothing goes wrong between servers; null where messages may always be late. */
  #wellSince(): number | null {
    const { ordered, peers, server } = this.options;
    const isHealthy = ordered && peers.loss + peers.slow + server.stalls === 0;
    if (!isHealthy) return null;
    return Math.max(this.faults.troubledUntil, this.observer.ledgers.electedAt);
  }

  #makeServer(place: number): PoolServer {
    const random = this.#random.fork();
    const rate = drawRate(this.options, random);
    const host = new Host(this.agenda, rate, random.between(10_000, 1e9));
    const diskRandom = random.fork();
    const disk = new Disk(
      () => this.faults.fateOfCommit(diskRandom),
      () => undefined,
    );
    const server: PoolServer = new PoolServer({
      place,
      host,
      disk,
      options: this.options.server,
      random: random.fork(),
      founding: this.rlfs.get(1),
      isSpare: place >= this.options.servers,
      events: {
        onTurn: (process) => {
          this.#guarded(() => this.observer.turned(process));
          this.strays.look();
          this.held.look();
          this.members?.turned(process);
          this.#guarded(() => this.upgrade?.turned(process));
          this.recovery?.turned(process);
        },
        onDeath: (dead, process) => this.#onDeath(dead, process),
        onSend: (from, sends) => {
          if (this.faults.dies()) throw new SimulatedCrash('while it sends');
          const passed = sends.filter((send) => !this.held.holds(from.server, send));
          this.network.send(from, passed);
          this.faults.sent(from, sends);
        },
        onRolledBack: () => {
          this.faults.counts.rolledBack++;
        },
        onLeftBehind: () => {
          if (this.recovery !== null) this.recovery.counts.leftBehind++;
        },
        onOutdated: (outdated) => {
          this.trace(() => `${outdated.name} does not understand format ${outdated.formatMin}`);
          if (this.upgrade !== null) this.upgrade.counts.outdated++;
          else this.#defect ??= { error: new Error('a format that nobody raised') };
        },
        onDefect: (error) => {
          this.#defect ??= { error };
        },
      },
    });
    return server;
  }

  #onDeath(server: PoolServer, process: PoolProcess | null): void {
    this.trace(() => `${server.name} is down`);
    this.faults.troubled(0);
    this.#guarded(() => this.observer.died(server, process));
    this.network.died(server);
    for (const connection of [...this.#open]) {
      if (connection.server !== server || connection.process !== process) continue;
      if (!server.powerless) this.#reset(connection);
      this.#open.delete(connection);
    }
    if (server.banned || server.retired) return;
    this.agenda.after(this.faults.downMs(server), () => {
      this.start(server, this.#random.chance(0.2));
    });
  }

  #start(server: PoolServer, offers: boolean): void {
    if (server.process !== null || !server.mayStart) return;
    if (server.powerless) server.host.reboot();
    server.powerless = false;
    this.trace(() => `${server.name} starts`);
    this.faults.troubled(0);
    this.upgrade?.starts(server);
    server.start(offers ? this.rlfs.get(this.rlfs.newestSequence) : null);
    if (server.process === null) return;
    this.network.started(server);
    this.faults.started(server);
  }

  #reset(connection: PoolConnection): void {
    if (connection.closed) return;
    connection.closed = true;
    const { client, path } = connection;
    for (const delay of path.delays('down', this.calm).slice(0, 1)) {
      client.host.later(delay, () => client.reset(connection));
    }
  }

  #arrive(connection: PoolConnection, message: ClientMessage): void {
    const { server, client } = connection;
    const { process } = server;
    // A machine without power does not even say that nobody is there.
    if (server.powerless) return;
    connection.process ??= process;
    if (process === null || connection.process !== process) this.#reset(connection);
    if (process === null || connection.closed) return;
    this.trace(() => `${server.name} hears ${client.name} ${brief(message)}`);
    this.observer.arrived(connection, message);
    if (asksToTakeOn(message)) {
      this.held.asked(server);
      this.faults.asked(server);
    }
    server.receive({ type: 'message', client: connection, message });
  }

  #deliver(connection: PoolConnection, messages: readonly ServerMessage[]): void {
    if (this.faults.dies()) throw new SimulatedCrash('while it sends');
    const { server, client, path } = connection;
    for (const message of messages) {
      this.trace(() => `${server.name} says to ${client.name} ${brief(message)}`);
      for (const delay of path.delays('down', this.calm)) {
        const ahead = server.host.trueNow - this.agenda.now;
        client.host.later(ahead + delay, () => client.receive(message));
      }
    }
  }

  #startClients(): void {
    const { network, clients } = this.options;
    for (let n = 1; n <= clients.count; n++) {
      const random = this.#random.fork();
      const host = new Host(this.agenda, drawRate(this.options, random), random.between(1e3, 1e8));
      // What is assumed of the clocks of laptops, and some to spare for their rates.
      host.jumpWall((COMMUTER_SKEW_MS / 2) * random.between(-1, 1));
      const paths = this.servers.map(() => new Path(this.agenda, network, random.fork()));
      this.clients.push(new PoolClient({ name: `c${n}`, host, paths, random }, this));
    }
  }

  /** What is found inside a server must not look like a failure of the server. */
  #guarded(watch: () => void): void {
    try {
      watch();
    } catch (error) {
      this.#defect ??= { error };
    }
  }
}

/** Seats that are elsewhere: it quotes a fence, or takes over what is held. */
function asksToTakeOn(message: ClientMessage): boolean {
  if (message[0] !== MessageType.heartbeat) return false;
  return typeof message[4] === 'number' || message[5] === true;
}
