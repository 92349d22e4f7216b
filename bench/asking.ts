/** Clients of one server each that are asked about while a server of their pool fails. */
import { randomBytes } from 'node:crypto';
import type { BenchClient } from './client.ts';

/** A client that is served waits so long before it asks again; one that is refused does not. */
const PAUSE_MS = 2;
const DRAW_MS_MAX = 30_000;

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Asks for a seat all the time, and at once again where it is refused. */
export class Asker {
  readonly #grants: { readonly askedAt: number; readonly at: number }[] = [];
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(client: BenchClient) {
    this.#done = this.#run(client);
  }

  async #run(client: BenchClient): Promise<void> {
    while (!this.#stopped) {
      const key = randomBytes(16);
      const askedAt = performance.now();
      if ((await client.request(key)) === null) continue;
      this.#grants.push({ askedAt, at: performance.now() });
      await client.release(key);
      await Bun.sleep(PAUSE_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** When the first grant came that was asked for after this time. */
  firstAfter(time: number): number {
    return this.#grants.find(({ askedAt }) => askedAt >= time)?.at ?? Number.POSITIVE_INFINITY;
  }

  longestGap({ from, to }: Span): number {
    const times = this.#grants.map(({ at }) => at).filter((at) => at > from && at < to);
    const edges = [from, ...times, to];
    return Math.max(...edges.slice(1).map((at, before) => at - (edges[before] ?? at)));
  }
}

/** Takes a seat and gives it back; false where it was refused. */
export async function takesSeat(client: BenchClient): Promise<boolean> {
  const key = randomBytes(16);
  const isGranted = (await client.request(key)) !== null;
  if (isGranted) await client.release(key);
  return isGranted;
}

/**
 * Seats of a license that this server has not enough of: they have to be drawn from the free pool
 * by an entry of the ledger. The seats are kept, so that the next draw is one again.
 */
export class Draw {
  readonly #client: BenchClient;
  readonly #server: string;
  readonly #count: number;
  readonly #allocated: number;

  private constructor(client: BenchClient, server: string, row: DrawnRow) {
    this.#client = client;
    this.#server = server;
    this.#count = row.available + 1;
    this.#allocated = row.allocated;
  }

  static async prepare(client: BenchClient, server: string): Promise<Draw> {
    return new Draw(client, server, await drawnRow(client, { server, application: 'Drawn' }));
  }

  /** Asks until the seats are granted; returns when that was. */
  async ask(): Promise<number> {
    const end = performance.now() + DRAW_MS_MAX;
    const wish = { application: 'Drawn', count: this.#count, patienceMs: DRAW_MS_MAX };
    while (performance.now() < end) {
      if ((await this.#client.request(randomBytes(16), wish)) === null) continue;
      const at = performance.now();
      const row = { server: this.#server, application: 'Drawn' };
      const { allocated } = await drawnRow(this.#client, row);
      // Nothing but an entry of the ledger makes a row grow.
      if (allocated > this.#allocated) return at;
      throw new Error(`${this.#server} granted ${this.#count} seats without a draw`);
    }
    throw new Error(`nothing was drawn within ${DRAW_MS_MAX} ms`);
  }
}

interface DrawnRow {
  readonly server: string;
  readonly allocated: number;
  readonly available: number;
}

/** A server's own row of a license, as it says itself. */
export async function drawnRow(
  client: BenchClient,
  { server, application }: { readonly server: string; readonly application: string },
): Promise<DrawnRow> {
  const { licenses } = await client.status(application);
  const [license] = licenses as { readonly distribution: readonly DrawnRow[] }[];
  const row = license?.distribution.find((cell) => cell.server === server);
  if (row === undefined) throw new Error(`${server} shows no row of ${application}`);
  return row;
}
