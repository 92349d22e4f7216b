/**
 * A pool of real server processes, each behind the network of the test, and clients that hold the
 * pool's card.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { LicenseClient, type StatusDocument } from '../../../src/net/client/index.ts';
import { executable } from '../executable.ts';
import { Server } from '../server.ts';
import { freePort, Site, type SiteLicense } from '../site.ts';
import { Network, type Place } from './network.ts';

const NAMES = 'ABCDEFGHIJK';
const LOOK_MS = 50;
const SERVER_TABLE = /^\[\[server\]\]\nname = "(.*)"\n(?:.+\n)*/gm;

export interface PoolLicense extends SiteLicense {
  /** Seats of each server at the start, as `lm rlf add --distribution` takes it. */
  readonly distribution?: string;
}

export interface License {
  readonly application: string;
  readonly hardLimit: number;
  readonly inUse: number | null;
  readonly available: number | null;
  readonly freePool: number;
  readonly deficit: number;
  readonly commuted: number;
  readonly distribution: readonly {
    readonly server: string;
    readonly allocated: number;
    readonly inUse: number | null;
    readonly available: number | null;
  }[];
}

export interface PoolStatus extends StatusDocument {
  readonly leader: string | null;
  readonly epoch: number;
  readonly term: number;
  readonly majority: boolean;
  readonly rlf: { readonly sequence: number };
  readonly format: number;
  readonly formatAvailable: number | null;
  readonly servers: readonly {
    readonly name: string;
    readonly state: string;
    readonly rlfSequence: number | null;
    readonly version: string | null;
    readonly role: string;
    readonly leaving?: true;
  }[];
  readonly licenses: readonly License[];
}

export class PoolSite extends Site {
  override readonly pool: string;
  readonly network = new Network();
  readonly #places = new Map<string, Place>();
  readonly #running = new Map<string, Server>();
  readonly #clients = new Set<LicenseClient>();
  /** Of the RLF that the servers are started with. */
  #sequence = 1;
  /** Which executable runs a server, where it is not the usual one. */
  readonly programs = new Map<string, string>();
  /** `[[server]]` tables by name. */
  readonly tables = new Map<string, string>();

  constructor(pool = 'east') {
    super();
    this.pool = pool;
  }

  /** Makes the pool, with its licenses, and starts nothing. `ports`: of addresses in the RLF. */
  async layOut(
    count: number,
    licenses: readonly PoolLicense[],
    ports: ReadonlyMap<string, number> = new Map(),
  ): Promise<void> {
    for (const name of NAMES.slice(0, count)) {
      const port = ports.get(name) ?? (await freePort());
      const place = { name, port, target: await freePort() };
      this.#places.set(name, place);
      this.network.add(place);
    }
    const servers = [...this.#places.values()].map(({ name, port }) => `${name}=127.0.0.1:${port}`);
    await this.ok(['pool', 'init', this.pool, ...servers]);
    await this.ok(['keys', 'new', 'vendor.key']);
    this.#sequence = 1 + licenses.length;
    for (const license of licenses) {
      const { distribution } = license;
      const flags = distribution === undefined ? [] : ['--distribution', distribution];
      await this.ok(['rlf', 'add', await this.sign(license), '--rlf', this.rlf, ...flags]);
    }
  }

  /** Starts all servers, and waits until the pool serves. */
  async startAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.start(name)));
    await this.serves();
  }

  /** One more server, prepared on its own host; the RLF does not list it yet. */
  async prepare(name: string): Promise<void> {
    const place = { name, port: await freePort(), target: await freePort() };
    this.#places.set(name, place);
    this.network.add(place);
    const data = this.file(`${this.pool}/servers/${name}`);
    const address = `127.0.0.1:${place.port}`;
    const about = ['--data', data, '--name', name, '--address', address];
    this.tables.set(name, (await this.ok(['server', 'new', ...about])).stdout);
  }

  /** Signs an RLF that lists these servers, in that order, and no others. */
  async list(names: readonly string[]): Promise<void> {
    const text = readFileSync(this.rlf, 'utf8');
    for (const [table, name = ''] of text.matchAll(SERVER_TABLE)) {
      if (!this.tables.has(name)) this.tables.set(name, table);
    }
    const listed = names.map((name) => this.tables.get(name) ?? '').join('\n');
    const at = text.search(SERVER_TABLE);
    const others = text.replaceAll(SERVER_TABLE, '');
    writeFileSync(this.rlf, `${others.slice(0, at)}${listed}\n${others.slice(at)}`);
    await this.ok(['rlf', 'sign', this.rlf, '--key', this.adminKey, '--bump']);
    // Whoever begins to look for the pool from here on knows those that it has now.
    const card = `${this.card}.${this.#sequence}`;
    await this.ok(['pool', 'card', this.rlf, '--key', this.adminKey, '-o', card]);
    renameSync(card, this.card);
    this.#observed = null;
    this.#sequence += 1;
  }

  /** A server that an RLF dropped: it ends by itself, once it has left; its exit code. */
  async left(name: string): Promise<number> {
    return await this.#end(name, (server) => server.exited);
  }

  get names(): string[] {
    return [...this.#places.keys()];
  }

  get running(): string[] {
    return [...this.#running.keys()].sort();
  }

  get adminKey(): string {
    return this.file(`${this.pool}/admin.key`);
  }

  server(name: string): Server {
    const server = this.#running.get(name);
    if (server === undefined) throw new Error(`server ${name} does not run`);
    return server;
  }

  place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`the pool has no server ${name}`);
    return place;
  }

  /** The command that runs a server. */
  command(name: string, flags: readonly string[] = []): string[] {
    const data = this.file(`${this.pool}/servers/${name}`);
    const listen = ['--listen', `127.0.0.1:${this.listenPort(name)}`];
    const program = this.programs.get(name) ?? executable();
    return [program, 'serve', '--data', data, '--rlf', this.rlf, ...listen, ...flags];
  }

  /** Where a server listens: behind the network of the test. */
  protected listenPort(name: string): number {
    return this.place(name).target;
  }

  /** Not `reachable`: something else is at the address that the RLF names. */
  async start(name: string, { reachable = true } = {}): Promise<Server> {
    const server = await Server.start({
      command: this.command(name),
      cwd: this.path,
      env: this.serverEnv(),
      onSpawn: (pid) => this.network.started(name, pid),
    });
    this.#running.set(name, server);
    if (reachable) await this.network.open(name);
    return server;
  }

  /** What kill -9 does. */
  async kill(name: string): Promise<void> {
    await this.#end(name, (server) => server.kill());
  }

  /** As an operator ends it; returns its exit code. */
  async stop(name: string): Promise<number> {
    return await this.#end(name, (server) => server.stop());
  }

  async #end<T>(name: string, end: (server: Server) => Promise<T>): Promise<T> {
    const server = this.server(name);
    this.#running.delete(name);
    try {
      return await end(server);
    } finally {
      this.network.close(name, server.pid);
    }
  }

  /** A client of the library, as an application makes one; closed with the site. */
  connect(options: ConstructorParameters<typeof LicenseClient>[0] = {}): LicenseClient {
    const client = new LicenseClient({ pool: this.card, env: this.env, ...options });
    this.#clients.add(client);
    return client;
  }

  /** A client that begins with this server alone, and learns of the others from it. */
  connectTo(server: string): LicenseClient {
    const trust = readFileSync(`${this.adminKey}.pub`, 'utf8').trim();
    const servers = `127.0.0.1:${this.place(server).port}`;
    return this.connect({ pool: undefined, servers, trust });
  }

  /** The leader's view; null while there is none that can be asked. */
  async status(client = this.#observer()): Promise<PoolStatus | null> {
    const [status] = await client.status({ pool: true });
    if (status === undefined || status instanceof Error || status['partial'] === true) return null;
    return status as PoolStatus;
  }

  #observed: LicenseClient | null = null;

  #observer(): LicenseClient {
    this.#observed ??= this.connect({ holder: { user: 'observer' } });
    return this.#observed;
  }

  /** The first status of which this is true. */
  async when(
    fits: (status: PoolStatus) => boolean,
    what: string,
    boundMs = 20_000,
  ): Promise<PoolStatus> {
    const end = performance.now() + boundMs;
    for (;;) {
      const status = await this.status();
      if (status !== null && fits(status)) return status;
      if (performance.now() > end) {
        const { licenses, servers, leader } = status ?? {};
        const seen = JSON.stringify({ leader, servers, licenses });
        throw new Error(`waited ${boundMs} ms in vain until ${what}: ${seen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** A leader leads a majority under the newest RLF, and every server that runs is up. */
  async serves(boundMs = 20_000): Promise<PoolStatus> {
    const isUp = (status: PoolStatus) => {
      const up = status.servers.filter(({ state }) => state === 'up').map(({ name }) => name);
      const inForce = status.rlf.sequence >= this.#sequence;
      return status.majority && inForce && this.running.every((name) => up.includes(name));
    };
    return await this.when(isUp, `servers ${this.running.join(', ')} are up`, boundMs);
  }

  override async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()));
    await Promise.all(this.running.map((name) => this.kill(name)));
    this.network.end();
    await super.close();
  }
}
