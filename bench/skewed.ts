/**
 * A steady load of which each server has its own share: seats are asked for at random, used for a
 * random while, and given back. What is counted is how often seats move between servers meanwhile.
 */
import { randomBytes } from 'node:crypto';
import type { BenchClient } from './client.ts';

/** Seats in use on average, of 300 in all: far from the third that each server begins with. */
const IN_USE = [170, 30, 10];
const USE_MS = 2_000;
const STEP_MS = 5;
const LOOK_MS = 50;

export class SkewedLoad {
  readonly #clients: readonly BenchClient[];
  readonly #application: string;
  #denied = 0;

  constructor(clients: readonly BenchClient[], application: string) {
    this.#clients = clients;
    this.#application = application;
  }

  /** How often seats moved, in each minute. */
  async moves(minutes: number): Promise<number[]> {
    const stop = new AbortController();
    const loads = this.#clients.map((client, at) =>
      this.#load(client, IN_USE[at] ?? 0, stop.signal),
    );
    const counts: number[] = [];
    for (let minute = 0; minute < minutes; minute++) counts.push(await this.#countMoves());
    stop.abort();
    await Promise.all(loads);
    if (this.#denied > 0) process.stderr.write(`  ${this.#denied} requests were denied\n`);
    return counts;
  }

  async #load(client: BenchClient, inUse: number, stop: AbortSignal): Promise<void> {
    const underWay = new Set<Promise<void>>();
    let last = performance.now();
    while (!stop.aborted) {
      await Bun.sleep(STEP_MS);
      const now = performance.now();
      let due = poisson(((now - last) * inUse) / USE_MS);
      last = now;
      for (; due > 0; due--) {
        const one = this.#use(client);
        underWay.add(one);
        void one.then(() => underWay.delete(one));
      }
    }
    await Promise.all(underWay);
  }

  async #use(client: BenchClient): Promise<void> {
    const key = randomBytes(16);
    const wish = { application: this.#application, count: 1, patienceMs: 0 };
    if ((await client.request(key, wish)) === null) {
      this.#denied += 1;
      return;
    }
    await Bun.sleep(-Math.log(1 - Math.random()) * USE_MS);
    await client.release(key);
  }

  /** Looks often enough to see each one: rows change by moves only. */
  async #countMoves(): Promise<number> {
    const [client] = this.#clients;
    if (client === undefined) throw new Error('there is a server');
    const end = performance.now() + 60_000;
    let moves = 0;
    for (let before = await this.#rows(client); performance.now() < end; ) {
      await Bun.sleep(LOOK_MS);
      const now = await this.#rows(client);
      if (now !== before) moves += 1;
      before = now;
    }
    return moves;
  }

  async #rows(client: BenchClient): Promise<string> {
    const { licenses } = await client.status(this.#application);
    const [license] = licenses as { readonly distribution: readonly { allocated: number }[] }[];
    return (license?.distribution ?? []).map(({ allocated }) => allocated).join(' ');
  }
}

/** How many come while `mean` are expected. */
function poisson(mean: number): number {
  const end = Math.exp(-mean);
  let count = 0;
  for (let product = Math.random(); product > end; product *= Math.random()) count += 1;
  return count;
}
