/**
 * The seed's example (FIG. 9 to 11) with real processes: all 100 seats are in use, A is killed, and
 * nobody who works notices.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { LmError, type Seat } from '../../../src/net/client/index.ts';
import { until } from '../../client/until.ts';
import { HeldSeats } from './held-seats.ts';
import { LIFETIME_MS, PASSING } from './holder.ts';
import { PoolSite, type PoolStatus } from './pool-site.ts';
import { SeatRecord } from './seat-record.ts';

const APPLICATION = 'Application';
const LIMIT = 100;
const DISTRIBUTION = new Map([
  ['A', 40],
  ['B', 30],
  ['C', 30],
]);
const ASK_MS = 20;

const site = new PoolSite();
const record = new SeatRecord(new Map([[APPLICATION, LIMIT]]));
const held = new HeldSeats(record);

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  const distribution = [...DISTRIBUTION].map(([server, count]) => `${server}=${count}`).join();
  await site.layOut(3, [{ application: APPLICATION, limit: LIMIT, distribution, terms }]);
  await site.startAll();
});
afterAll(() => {
  held.close();
  return site.close();
});

test('A is killed with all seats in use, and comes back to an empty row', async () => {
  await site.when(
    (status) => rows(status) === 'A 0/40, B 0/30, C 0/30',
    'the seats are where FIG. 4 puts them',
  );
  const lost: unknown[] = [];
  const askedAt = [...DISTRIBUTION].flatMap(([server, count]) => Array(count).fill(server));
  const seats = await Promise.all(askedAt.map((server) => take(server, lost)));
  const ofA = seats.filter(({ server }) => server === 'A');
  expect(ofA.length).toBe(40);
  await site.when(
    (status) => rows(status) === 'A 40/40, B 30/30, C 30/30',
    'all seats are in use where they were at first',
  );
  const asker = new Asker();
  try {
    await site.kill('A');
    await until(() => ofA.every(({ server }) => server !== 'A'), 'all of A are claimed', 40_000);
    const without = await site.when(inUseAtBAndC, 'B and C have all seats');
    expect(stateOf(without, 'A')).not.toBe('up');
    await site.start('A');
    const back = await site.when((status) => stateOf(status, 'A') === 'up', 'A is back');
    expect(rows(back).startsWith('A 0/0, ')).toBe(true);
    // Each is renewed where it lives now, while somebody is refused all the time.
    const [claimedUntil, refused] = [ofA.map(expiry), asker.refused];
    const isRenewed = () => ofA.every((seat, i) => expiry(seat) > (claimedUntil[i] ?? 0) + 1_000);
    await until(isRenewed, 'the claimed seats are renewed', 40_000);
    expect(asker.refused).toBeGreaterThan(refused);
    expect({ lost, valid: seats.filter(({ valid }) => valid).length }).toEqual({
      lost: [],
      valid: LIMIT,
    });
  } finally {
    await asker.stop();
  }
  expect(record.sweep()).toEqual([]);
  expect(asker.problems).toEqual([]);
  expect(record.most.get(APPLICATION)).toBe(LIMIT);
  await Promise.all(seats.map((seat) => seat.release()));
  await site.when(({ licenses }) => licenses[0]?.available === LIMIT, 'all seats are back');
}, 180_000);

/** A seat for an application of its own, which knows of one server at first. */
async function take(server: string, lost: unknown[]): Promise<Seat> {
  const seat = await site.connectTo(server).request({ application: APPLICATION });
  held.granted(seat);
  seat.on('lost', (reason) => lost.push(reason));
  return seat;
}

function expiry({ expiresAt }: Seat): number {
  return expiresAt.getTime();
}

/** Asks for the 101st seat, again and again. */
class Asker {
  readonly #client = site.connect();
  readonly #done: Promise<void>;
  #stopped = false;
  refused = 0;
  readonly problems: string[] = [];

  constructor() {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        held.granted(await this.#client.request({ application: APPLICATION }));
        this.problems.push('a 101st seat was granted');
      } catch (error) {
        if (!(error instanceof LmError)) throw error;
        if (!PASSING.has(error.code)) this.problems.push(`${error.code}: ${error.message}`);
        if (error.code === 'all-in-use') this.refused += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }
}

/** In use of allocated, server by server. */
function rows({ licenses }: PoolStatus): string {
  const cells = licenses[0]?.distribution ?? [];
  return cells.map(({ server, inUse, allocated }) => `${server} ${inUse}/${allocated}`).join(', ');
}

function inUseAtBAndC({ licenses }: PoolStatus): boolean {
  const [a, b, c] = licenses[0]?.distribution ?? [];
  const used = (b?.inUse ?? 0) + (c?.inUse ?? 0);
  return a?.allocated === 0 && used === LIMIT;
}

function stateOf({ servers }: PoolStatus, name: string): string | undefined {
  return servers.find((server) => server.name === name)?.state;
}
