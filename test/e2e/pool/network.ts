/**
 * The network of a pool under test: a proxy before each server, under the address that the RLF
 * names. Every way from one server to another, and between a server and all clients, can be cut by
 * itself; connections can be reset.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Proxied } from './proxied.ts';
import { SocketOwners } from './socket-owner.ts';

/** How the network calls whoever is no server. */
export const CLIENTS = 'clients';

const OWNER_TRIES = 20;
const OWNER_PAUSE_MS = 5;

export interface Place {
  readonly name: string;
  /** Where the RLF says that the server is, and where it is. */
  readonly port: number;
  readonly target: number;
}

export class Network {
  readonly #places = new Map<string, Place>();
  readonly #listeners = new Map<string, Server>();
  readonly #connections = new Set<Proxied>();
  /** Dialled through a cut: such a packet gets no answer until it is mended. */
  readonly #unanswered = new Map<Socket, { readonly from: string; readonly to: string }>();
  /** `A>B`: what A sends does not reach B. */
  readonly #cuts = new Set<string>();
  /** The processes of the servers that run, by pid. */
  readonly #processes = new Map<number, string>();
  readonly #owners = new SocketOwners(() => this.#processes.keys());

  add(place: Place): void {
    this.#places.set(place.name, place);
  }

  /** This process is this server from now on. */
  started(name: string, pid: number): void {
    this.#processes.set(pid, name);
  }

  /** It listens, and can be dialled. */
  async open(name: string): Promise<void> {
    const place = this.#places.get(name);
    if (place === undefined || this.#listeners.has(name)) return;
    const listener = createServer((socket) => void this.#accept(socket, place));
    this.#listeners.set(name, listener);
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject).listen(place.port, '127.0.0.1', resolve);
    });
  }

  /** It ended: dials are refused, as its host would. */
  close(name: string, pid: number): void {
    this.#processes.delete(pid);
    this.#listeners.get(name)?.close();
    this.#listeners.delete(name);
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** What `from` sends does not reach `to` any more; the other way is left as it is. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** What was sent meanwhile arrives, or is reset. */
  mend(from: string, to: string, as: 'late' | 'reset' = 'late'): void {
    this.#cuts.delete(`${from}>${to}`);
    const isOn = ({ from: one, to: other }: { readonly from: string; readonly to: string }) => {
      return (one === from && other === to) || (one === to && other === from);
    };
    for (const connection of [...this.#connections]) {
      if (!isOn(connection.ends)) continue;
      if (as === 'late') connection.flush();
      else connection.reset();
    }
    for (const [socket, ends] of this.#unanswered) {
      if (!isOn(ends) || this.#isCutBetween(from, to)) continue;
      this.#unanswered.delete(socket);
      socket.destroy();
    }
  }

  cutBoth(one: string, other: string): void {
    this.cut(one, other);
    this.cut(other, one);
  }

  mendBoth(one: string, other: string, as: 'late' | 'reset' = 'late'): void {
    this.mend(one, other, as);
    this.mend(other, one, as);
  }

  /** Ends every connection of this server, which may be dialled anew at once. */
  reset(name: string): void {
    for (const connection of [...this.#connections]) {
      const { from, to } = connection.ends;
      if (from === name || to === name) connection.reset();
    }
  }

  end(): void {
    for (const listener of this.#listeners.values()) listener.close();
    for (const connection of [...this.#connections]) connection.reset();
    for (const socket of this.#unanswered.keys()) socket.destroy();
    this.#listeners.clear();
  }

  async #accept(near: Socket, { name: to, port, target }: Place): Promise<void> {
    near.on('error', () => undefined);
    near.pause();
    const from = await this.#dialler(near, port);
    if (near.destroyed) return;
    if (this.#isCutBetween(from, to)) {
      this.#unanswered.set(near, { from, to });
      near.once('close', () => this.#unanswered.delete(near));
      // Who dialled gives up some time, and dials again: that is heard here, and nowhere else.
      near.once('end', () => near.destroy()).resume();
      return;
    }
    const far = connect({ host: '127.0.0.1', port: target });
    const connection: Proxied = new Proxied(
      { from, to },
      { near, far },
      {
        isCut: (one, other) => this.isCut(one, other),
        onClosed: () => this.#connections.delete(connection),
      },
    );
    this.#connections.add(connection);
    near.resume();
  }

  /** The server that this connection comes from; whoever is no server is a client. */
  async #dialler(near: Socket, port: number): Promise<string> {
    const ports = { from: near.remotePort ?? 0, to: port };
    for (let tries = 0; tries < OWNER_TRIES && !near.destroyed; tries++) {
      const pid = await this.#owners.ownerOf(ports);
      if (pid !== undefined) return this.#processes.get(pid ?? 0) ?? CLIENTS;
      await new Promise((resolve) => setTimeout(resolve, OWNER_PAUSE_MS));
    }
    return CLIENTS;
  }

  #isCutBetween(one: string, other: string): boolean {
    return this.isCut(one, other) || this.isCut(other, one);
  }
}
