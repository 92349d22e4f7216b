/**
 * `lm dev --demo`: figures 5 to 11 on real server processes and real clients, each table beside the
 * expected one.
 */
import { LmError } from '../../engine/errors.ts';
import { LicenseClient } from '../../net/client/license-client.ts';
import type { Seat } from '../../net/client/seat.ts';
import type { StatusDocument } from '../../net/client/status.ts';
import { FIGURES, type Figure, type Row, type ServerTable } from './demo-figures.ts';
import { type DevServer, startDevServer } from './dev-pool.ts';
import type { PoolLayout } from './pool-layout.ts';
import { pause } from './redraw.ts';
import { type Cell, table } from './table.ts';

/** A dead server is fenced after six seconds, and its client asks again now and then. */
const FIGURE_MS_MAX = 45_000;
const LOOK_MS = 100;

export class Demo {
  readonly #layout: PoolLayout;
  readonly #servers: DevServer[];
  readonly #signal: AbortSignal;
  readonly #write: (text: string) => void;
  readonly #clients: LicenseClient[] = [];
  #agrees = true;

  /** Servers that it starts are put into `servers`, to be stopped by whoever owns the list. */
  constructor(
    layout: PoolLayout,
    servers: DevServer[],
    signal: AbortSignal,
    write: (text: string) => void,
  ) {
    this.#layout = layout;
    this.#servers = servers;
    this.#signal = signal;
    this.#write = write;
  }

  /** Whether every table was as the figures have it. */
  async play(): Promise<boolean> {
    try {
      for (const name of ['A', 'B', 'C']) await this.#start(name);
      await this.#show(FIGURES[5]);
      await this.#request('B');
      await this.#show(FIGURES[6]);
      await this.#request('C');
      await this.#show(FIGURES[7]);
      const seat = await this.#request('A');
      await this.#show(FIGURES[8]);
      this.#kill('A');
      await this.#show(FIGURES[9]);
      await this.#show(FIGURES[10]);
      await this.#start('A');
      await this.#show(FIGURES[11]);
      this.#judge(seat.valid, 'The application that A let run kept its seat all the time.');
      this.#judge(this.#agrees, 'All tables are as the figures have them.');
      return this.#agrees;
    } finally {
      for (const client of this.#clients) await client.close();
    }
  }

  async #start(name: string): Promise<void> {
    const server = this.#layout.servers.find((one) => one.name === name);
    if (server === undefined) throw new Error(`the demo has no server ${name}`);
    const { rlf } = this.#layout;
    // What the servers log is no news here: links that come and go are the plot.
    const started = await startDevServer(server, { rlf, onLog: () => undefined });
    this.#servers.push(started);
  }

  #kill(name: string): void {
    const at = this.#servers.findIndex((server) => server.name === name);
    const [server] = this.#servers.splice(at, 1);
    server?.process.kill('SIGKILL');
  }

  /** A client that asks this server first, and keeps its seat wherever it can. */
  async #request(server: string): Promise<Seat> {
    const client = this.#client([server, ...['A', 'B', 'C'].filter((name) => name !== server)]);
    return await client.request({ application: 'Application', waitMs: 10_000 });
  }

  #client(order: readonly string[]): LicenseClient {
    const addresses = order.map((name) => {
      return this.#layout.servers.find((one) => one.name === name)?.address ?? '';
    });
    const client = new LicenseClient({
      servers: addresses.join(','),
      trust: this.#layout.admin,
      env: {},
    });
    this.#clients.push(client);
    return client;
  }

  /** Waits until the tables agree, and shows them; or shows how they differ. */
  async #show(figure: Figure): Promise<void> {
    const end = Date.now() + FIGURE_MS_MAX;
    let found: (ServerTable | null)[] = [];
    let agrees = false;
    while (!agrees && Date.now() < end) {
      this.#signal.throwIfAborted();
      found = await Promise.all(figure.tables.map(({ server }) => this.#tableOf(server)));
      agrees = figure.tables.every((expected, at) => equal(expected, found[at] ?? null));
      if (!agrees) await pause(LOOK_MS, this.#signal);
    }
    this.#write(`\n${figure.title}\n`);
    const rows = figure.tables.flatMap((expected, at) => linesOf(expected, found[at] ?? null));
    this.#write(table(HEADINGS, rows));
    this.#judge(agrees, agrees ? 'As expected.' : 'NOT AS EXPECTED.');
  }

  #judge(holds: boolean, words: string): void {
    this.#agrees &&= holds;
    this.#write(`${holds ? words : `FAILED: ${words}`}\n`);
  }

  /** What this one server says. */
  async #tableOf(server: string): Promise<ServerTable | null> {
    const client = this.#client([server]);
    try {
      const [status] = await client.status();
      if (status === undefined || status instanceof LmError) return null;
      return tableIn(server, status);
    } finally {
      await client.close();
      this.#clients.splice(this.#clients.indexOf(client), 1);
    }
  }
}

const HEADINGS = [
  ...['TABLE OF', 'SERVER', 'ALLOCATED', 'IN USE', 'AVAILABLE'],
  ...['EXPECTED:', 'ALLOCATED', 'IN USE', 'AVAILABLE'],
];

function tableIn(server: string, status: StatusDocument): ServerTable | null {
  const [license] = (status['licenses'] ?? []) as LicenseFields[];
  if (license === undefined) return null;
  const rows = license.distribution.map(({ server: name, allocated, inUse, available }) => {
    return [name, [allocated, inUse, available]] as const;
  });
  return { server, rows: Object.fromEntries(rows), available: license.available };
}

interface LicenseFields {
  readonly available: number | null;
  readonly distribution: readonly {
    readonly server: string;
    readonly allocated: number;
    readonly inUse: number | null;
    readonly available: number | null;
  }[];
}

function equal(expected: ServerTable, found: ServerTable | null): boolean {
  return Bun.deepEquals(expected, found);
}

const NOTHING: Row = [0, null, null];

function linesOf(expected: ServerTable, found: ServerTable | null): Cell[][] {
  const lines = Object.keys(expected.rows).map((name): Cell[] => {
    const [allocated, inUse, available] = found?.rows[name] ?? NOTHING;
    return [
      ...[expected.server, name, allocated, inUse, available],
      ...['', ...(expected.rows[name] ?? NOTHING)],
    ];
  });
  const pool: Cell[] = [expected.server, 'pool', '', '', found?.available ?? null];
  return [...lines, [...pool, '', '', '', expected.available]];
}
