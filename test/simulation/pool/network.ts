/** All links between the servers of a pool, and what parts them. */
import type { PeerSend } from '../../../src/engine/effects.ts';
import { Path } from '../network.ts';
import type { NetworkOptions } from '../options.ts';
import type { Random } from '../random.ts';
import { Link, type LinkWorld } from './link.ts';
import type { PoolProcess, PoolServer } from './server.ts';

export class PoolNetwork {
  readonly #servers: readonly PoolServer[];
  readonly #random: Random;
  readonly #links: Link[] = [];

  constructor(
    world: LinkWorld,
    servers: readonly PoolServer[],
    { options, random }: { readonly options: NetworkOptions; readonly random: Random },
  ) {
    this.#servers = servers;
    this.#random = random;
    for (const one of servers) {
      for (const other of servers.slice(one.place + 1)) {
        const path = new Path(world.agenda, options, random.fork());
        this.#links.push(new Link({ world, random: random.fork(), ends: [one, other], path }));
      }
    }
  }

  send(from: PoolProcess, sends: readonly PeerSend[]): void {
    for (const { to, message } of sends) {
      const other = this.#servers.find(({ id }) => id === to);
      if (other !== undefined) this.#between(from.server, other)?.send(from, message);
    }
  }

  started(server: PoolServer): void {
    for (const link of this.#links) if (link.has(server)) link.dial();
  }

  /** It knows of other servers than before. */
  follow(server: PoolServer): void {
    for (const link of this.#links) if (link.has(server)) link.follow();
  }

  died(server: PoolServer): void {
    for (const link of this.#links) if (link.has(server)) link.died(server);
  }

  /** A connection breaks. */
  reset(): void {
    if (this.#links.length > 0) this.#random.pick(this.#links).reset();
  }

  heal(): void {
    for (const { path } of this.#links) path.heal();
  }

  /** Parts `alone` from all others, or the servers somehow, for so long; how they are parted. */
  part(forMs: number, alone: PoolServer | null): string {
    const random = this.#random;
    const servers = this.#servers;
    if (servers.length < 2) return 'none';
    const one = alone ?? random.pick(servers);
    const other = random.pick(servers.filter((server) => server !== one));
    // Connections break at once, or stay and carry nothing.
    const breaks = random.chance(0.4);
    const cut = (from: PoolServer, to: PoolServer) => this.#cut({ from, to, forMs, breaks });
    if (alone !== null) {
      for (const server of servers) {
        cut(server, one);
        cut(one, server);
      }
      return 'alone';
    }
    switch (random.integer(0, 5)) {
      case 0:
        cut(one, other);
        return 'one way';
      case 1:
        cut(one, other);
        cut(other, one);
        return 'a pair';
      case 2:
        for (const server of servers) cut(server, one);
        return 'deaf';
      case 3:
        for (const server of servers) cut(one, server);
        return 'mute';
      case 4:
        this.#chain(cut);
        return 'a chain';
      default:
        this.#split(cut);
        return 'split';
    }
  }

  /** Two sides, of one server each at least. */
  #split(cut: (from: PoolServer, to: PoolServer) => void): void {
    const [first, second, ...rest] = this.#shuffled();
    if (first === undefined || second === undefined) return;
    const side = new Set([first, ...rest.filter(() => this.#random.chance(0.5))]);
    for (const a of this.#servers) {
      for (const b of this.#servers) if (side.has(a) !== side.has(b)) cut(a, b);
    }
  }

  /** Everyone reaches its neighbours only. */
  #chain(cut: (from: PoolServer, to: PoolServer) => void): void {
    const order = this.#shuffled();
    for (const [at, a] of order.entries()) {
      for (const b of order.slice(at + 2)) {
        cut(a, b);
        cut(b, a);
      }
    }
  }

  #shuffled(): PoolServer[] {
    const from = [...this.#servers];
    const shuffled: PoolServer[] = [];
    while (from.length > 0) {
      shuffled.push(...from.splice(this.#random.integer(0, from.length - 1), 1));
    }
    return shuffled;
  }

  #cut(of: {
    readonly from: PoolServer;
    readonly to: PoolServer;
    readonly forMs: number;
    readonly breaks: boolean;
  }): void {
    if (of.from === of.to) return;
    const link = this.#between(of.from, of.to);
    link?.cut(of.from, of.forMs);
    if (of.breaks) link?.reset();
  }

  #between(one: PoolServer, other: PoolServer): Link | undefined {
    return this.#links.find((link) => link.connects(one, other));
  }
}
