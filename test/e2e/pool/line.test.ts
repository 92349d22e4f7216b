/**
 * DESIGN section 8: one line over all servers. Many wait, seats come free one by one anywhere, and
 * the leader is killed again and again: all are served, each once, in the order in which they came.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Seat } from '../../../src/net/client/index.ts';
import { Random, runSeed } from '../random.ts';
import type { Server } from '../server.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite } from './pool-site.ts';
import { Waiters } from './waiter-group.ts';

const APPLICATION = 'Application';
const SEATS = 6;
const SOAK = process.env['LM_SOAK'] === '1';
const WAITERS = SOAK ? 500 : 60;
const KILLS = SOAK ? 5 : 2;
const PROCESSES = SOAK ? 5 : 2;
/** Who came by the time of the first kill; the others come between the kills. */
const FIRST = Math.ceil(WAITERS / 2);
const TRIES_MAX = 50;
const WAIT_MS = 30 * 60_000;
/** A seat granted to one that did not hear of it comes back when its lifetime is over. */
const SERVED_MS_MAX = 2 * LIFETIME_MS;
const SEED = runSeed();

/** Its clients are many, and connect to the servers themselves. */
class LineSite extends PoolSite {
  protected override listenPort(name: string): number {
    return this.place(name).port;
  }

  override start(name: string): Promise<Server> {
    return super.start(name, { reachable: false });
  }
}

const site = new LineSite();

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  const license = { application: APPLICATION, limit: SEATS, distribution: 'A=2,B=2,C=2', terms };
  await site.layOut(3, [license]);
  await site.startAll();
});
afterAll(() => site.close());

test(
  `${WAITERS} wait, and are served in the order in which they came, while leaders are killed`,
  async () => {
    const random = new Random(SEED);
    console.log(`seed ${SEED}: LM_SEED=${SEED} plays it again`);
    const first = await takeAll();
    const { card, env } = site;
    const waiters = new Waiters(PROCESSES, {
      card,
      env,
      application: APPLICATION,
      waitMs: WAIT_MS,
    });
    const servers = new Set<string>();
    try {
      for (let count = 0; count < FIRST; count++) await waiters.arrive();
      const killAt = new Set(
        Array.from({ length: KILLS }, (_, at) => Math.floor(((at + 1) * WAITERS) / (KILLS + 2))),
      );
      for (let step = 0; step < WAITERS; step++) {
        const own = first.pop();
        if (own === undefined) freeAny(waiters, random);
        else void own.release();
        if (killAt.has(step)) {
          await killLeader(random);
          const more = Math.ceil((WAITERS - FIRST) / KILLS);
          for (let count = 0; count < more && waiters.arrived.length < WAITERS; count++) {
            await waiters.arrive();
          }
        }
        await waiters.untilServed(step + 1, SERVED_MS_MAX);
        for (const server of waiters.holders.values()) servers.add(server);
        expect(waiters.holders.size).toBeLessThanOrEqual(SEATS);
      }
      expect(waiters.served).toEqual(waiters.arrived);
      expect(waiters.arrived.length).toBe(WAITERS);
      expect(waiters.problems).toEqual([]);
      expect(servers.size).toBeGreaterThan(1);
      for (const number of waiters.holders.keys()) waiters.release(number);
      await site.when(
        ({ licenses }) => licenses[0]?.inUse === 0 && licenses[0].available === SEATS,
        'all seats are back',
        SERVED_MS_MAX,
      );
    } finally {
      await waiters.end();
    }
  },
  SOAK ? 1_200_000 : 180_000,
);

/** All seats, each server's out of its own row. */
async function takeAll(): Promise<Seat[]> {
  const seats: Seat[] = [];
  for (const name of site.names) {
    for (let count = 0; count < SEATS / site.names.length; count++) seats.push(await takeAt(name));
  }
  return seats;
}

/** A server that is not ready yet refuses, and the next one grants: it is asked again. */
async function takeAt(name: string): Promise<Seat> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const client = site.connectTo(name);
    const seat = await client.request({ application: APPLICATION });
    if (seat.server === name) return seat;
    await client.close();
    await site.serves();
  }
  throw new Error(`${name} grants no seat of its own`);
}

/** One that holds a seat gives it back, at a server of its own choice. */
function freeAny(waiters: Waiters, random: Random): void {
  const holders = [...waiters.holders];
  const servers = [...new Set(holders.map(([, server]) => server))].sort();
  const server = random.pick(servers);
  const [holder] = random.pick(holders.filter(([, at]) => at === server));
  waiters.release(holder);
}

/** Kills who leads, at any moment of what is under way, and starts it again at once. */
async function killLeader(random: Random): Promise<void> {
  const { leader } = await site.when((status) => status.majority, 'there is a leader');
  if (leader === null) throw new Error('there is a leader');
  await new Promise((resolve) => setTimeout(resolve, random.below(30)));
  await site.kill(leader);
  await site.start(leader);
  await site.serves();
}
