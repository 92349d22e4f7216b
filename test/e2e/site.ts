/** A site that runs `lm`: a folder, a pool made by the commands, its server and its clients. */
import { createServer } from 'node:net';
import { type Ran, type RunOptions, Workplace } from '../commands/run-lm.ts';
import { executable } from './executable.ts';
import { Server } from './server.ts';

export interface SiteLicense {
  readonly application: string;
  readonly limit: number;
  /** Seats of server A at the start; the rest lies in the free pool. Default: all. */
  readonly allocated?: number;
  /** Further flags of `lm code sign`. */
  readonly terms?: readonly string[];
}

export interface ServeOptions {
  /** The data directory. */
  readonly data?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What the command runs under, such as `unshare -m`. */
  readonly prefix?: readonly string[];
}

export class Site extends Workplace {
  readonly pool: string = 'east';
  port = 0;
  readonly #servers: Server[] = [];
  readonly #sessions: { end(): unknown }[] = [];

  /** Sets up a pool of one server with these licenses, all of vendor Acme and version 1.0. */
  async found(licenses: readonly SiteLicense[] = []): Promise<void> {
    this.port = await freePort();
    await Promise.all([
      this.ok(['pool', 'init', this.pool, `127.0.0.1:${this.port}`]),
      this.ok(['keys', 'new', 'vendor.key']),
    ]);
    const files = await Promise.all(licenses.map((license) => this.sign(license)));
    if (licenses.every(({ allocated }) => allocated === undefined)) {
      if (files.length > 0) await this.ok(['rlf', 'add', ...files, '--rlf', this.rlf]);
      return;
    }
    for (const [i, { allocated }] of licenses.entries()) {
      const distribution = allocated === undefined ? [] : ['--distribution', `A=${allocated}`];
      await this.ok(['rlf', 'add', files[i] ?? '', '--rlf', this.rlf, ...distribution]);
    }
  }

  /** Has the vendor sign a code; returns the license file. */
  protected async sign({ application, limit, terms = [] }: SiteLicense): Promise<string> {
    const file = `${crypto.randomUUID()}.lic`;
    const names = ['--vendor', 'Acme', '--key', 'vendor.key', '--application', application];
    const grant = ['--version', '1.0', '--limit', String(limit), '--any-customer', ...terms];
    await this.ok(['code', 'sign', ...names, ...grant, '-o', file]);
    return file;
  }

  get rlf(): string {
    return this.file(`${this.pool}/pool.toml`);
  }

  get card(): string {
    return this.file(`${this.pool}/${this.pool}.pool`);
  }

  get data(): string {
    return this.file(`${this.pool}/servers/A`);
  }

  /** What a client command needs to find and trust the pool. */
  get env(): Record<string, string> {
    return { LM_POOL: this.card, XDG_STATE_HOME: this.file('state') };
  }

  /** Runs a client command of this site. */
  client(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.lm(args, { ...options, env: { ...this.env, ...options.env } });
  }

  /** Runs a client command and returns its JSON document; throws where it fails. */
  ask(args: readonly string[]): Promise<Record<string, unknown>> {
    return this.json(args, { env: this.env });
  }

  /** The arguments of `lm serve` at this site. */
  serveArgs({ data = this.data, flags = [] }: ServeOptions = {}): string[] {
    const listen = ['--listen', `127.0.0.1:${this.port}`];
    return ['serve', '--data', data, '--rlf', this.rlf, ...listen, ...flags];
  }

  async serve(options: ServeOptions = {}): Promise<Server> {
    const { prefix = [], env, cwd = this.path } = options;
    const command = [...prefix, executable(), ...this.serveArgs(options)];
    const server = await Server.start({ command, cwd, env: this.serverEnv(env) });
    this.#servers.push(server);
    return server;
  }

  /** Something to end before the site is removed. */
  keep<T extends { end(): unknown }>(session: T): T {
    this.#sessions.push(session);
    return session;
  }

  /** Runs `lm` where it has to succeed. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const ran = await this.lm(args, options);
    if (ran.code === 0) return ran;
    throw new Error(`lm ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
  }

  /** The environment of a server: none of the caller's LM_… variables. */
  protected serverEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LM_'));
    return { ...Object.fromEntries(own), ...more } as Record<string, string>;
  }

  /** Ends what still runs, and removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.end()));
    await Promise.all(this.#servers.map((server) => server.kill()));
    this.remove();
  }
}

/** Test files that run side by side have ports of their own, as far as their process ids tell. */
const PORTS = 120;
const FIRST_PORT = 20_000 + (process.pid % 100) * PORTS;
let portsGiven = Math.floor(Math.random() * PORTS);

/**
 * A free port below those that the kernel hands to outgoing connections: nothing takes it while
 * its server is down between a kill and the next start.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (portsGiven++ % PORTS);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, () => resolve(true));
    });
    await new Promise((resolve) => probe.close(resolve));
    if (free) return port;
  }
}
