/**
 * Load at a fixed rate, however fast it is answered: seats taken and given back, over connections
 * spread over the servers. Never more than the servers take, so that what is compared is their cost.
 */
import { randomBytes } from 'node:crypto';
import { BenchClient } from './client.ts';

export interface PacedLoad {
  readonly ports: readonly number[];
  readonly connections: number;
  /** Seats taken, and given back, a second; over all connections. */
  readonly rate: number;
}

/** A rate that is not kept up with measures something else. */
const LATE_MAX = 0.03;
const STEP_MS = 1;

export class Paced {
  readonly #clients: readonly BenchClient[];
  readonly #rate: number;
  readonly #done: Promise<void>;
  #granted = 0;
  #stopped = false;

  private constructor(clients: readonly BenchClient[], rate: number) {
    this.#clients = clients;
    this.#rate = rate;
    this.#done = this.#run();
  }

  /** One connection and the next are to different servers. */
  static async start({ ports, connections, rate }: PacedLoad): Promise<Paced> {
    const clients: BenchClient[] = [];
    for (let at = 0; at < connections; at++) {
      const port = ports[at % ports.length];
      if (port !== undefined) clients.push(await BenchClient.connect(port));
    }
    return new Paced(clients, rate);
  }

  /** Seats granted so far. */
  get granted(): number {
    return this.#granted;
  }

  /** Throws where so many seats in so many milliseconds are not the rate that was asked for. */
  check(granted: number, ms: number): void {
    const expected = (this.#rate * ms) / 1_000;
    if (Math.abs(granted / expected - 1) <= LATE_MAX) return;
    const numbers = `${Math.round(expected)} seats were to be granted, ${granted} were`;
    throw new Error(`the machine does not keep up: ${numbers}`);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    for (const client of this.#clients) client.close();
  }

  async #run(): Promise<void> {
    const begun = performance.now();
    const underWay = new Set<Promise<void>>();
    for (let sent = 0; !this.#stopped; ) {
      const due = ((performance.now() - begun) * this.#rate) / 1_000;
      for (; sent < due; sent++) {
        const client = this.#clients[sent % this.#clients.length];
        if (client === undefined) throw new Error('there is a connection');
        const one = this.#takeAndGive(client);
        underWay.add(one);
        void one.then(() => underWay.delete(one));
      }
      await Bun.sleep(STEP_MS);
    }
    await Promise.all(underWay);
  }

  async #takeAndGive(client: BenchClient): Promise<void> {
    const key = randomBytes(16);
    if ((await client.request(key)) === null) throw new Error('a seat was denied');
    this.#granted += 1;
    await client.release(key);
  }
}
