/**
 * DESIGN section 8 with real processes: all seats can be had through any one server, wherever they
 * lie, and no more; the same with each server dead in turn, once its seats are opened. Two requests
 * for more than half of them, at two servers, are both served, one after the other.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Seat } from '../../../src/net/client/index.ts';
import { failureOf } from '../../client/until.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite } from './pool-site.ts';

const APPLICATION = 'Application';
const LIMIT = 100;
/** A dead server's seats are opened when the lifetime of its keys is over. */
const SOAK = process.env['LM_SOAK'] === '1';
const WAIT_MS = 20_000;

const site = new PoolSite();

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  const distribution = 'A=40,B=30,C=30';
  await site.layOut(3, [{ application: APPLICATION, limit: LIMIT, distribution, terms }]);
  await site.startAll();
});
afterAll(() => site.close());

test('all seats are had through each server, and the 101st is refused', async () => {
  for (const name of site.names) await takeAllAt(name);
}, 120_000);

test('two requests of 60 of 100 at two servers are both served, in order', async () => {
  const [first, second] = [site.connectTo('B'), site.connectTo('C')];
  const one = await first.request({ application: APPLICATION, count: 60, waitMs: WAIT_MS });
  let released = false;
  const waits = Promise.withResolvers<void>();
  const onWaiting = () => waits.resolve();
  const asked = second
    .request({ application: APPLICATION, count: 60, waitMs: WAIT_MS, onWaiting })
    .then((seat) => ({ seat, released }));
  await waits.promise;
  released = true;
  await one.release();
  const { seat, released: wasReleased } = await asked;
  expect([seat.count, wasReleased]).toEqual([60, true]);
  await seat.release();
}, 60_000);

test.if(SOAK)(
  'all seats are had without each server in turn, once its seats are opened',
  async () => {
    for (const dead of ['C', 'A', 'B']) {
      await site.kill(dead);
      const isOpened = ({ servers }: { servers: readonly { name: string; state: string }[] }) =>
        servers.some(({ name, state }) => name === dead && state === 'opened');
      await site.when(isOpened, `the seats of ${dead} are opened`, 2 * LIFETIME_MS);
      const [name = ''] = site.running;
      await takeAllAt(name);
      await site.start(dead);
      await site.serves();
    }
  },
  400_000,
);

/** Every seat there is, and no more; then all are given back. */
async function takeAllAt(name: string): Promise<void> {
  const client = site.connectTo(name);
  const seats: Seat[] = [];
  for (let count = 0; count < LIMIT; count++) {
    const seat = await client.request({ application: APPLICATION, waitMs: WAIT_MS });
    seats.push(seat);
  }
  const refused = await failureOf(client.request({ application: APPLICATION }));
  expect(refused).toMatchObject({ code: 'all-in-use' });
  const at = new Set(seats.map(({ server }) => server));
  expect([...at]).toEqual([name]);
  await Promise.all(seats.map((seat) => seat.release()));
  await client.close();
  await site.when(({ licenses }) => licenses[0]?.available === LIMIT, 'all seats are back');
}
