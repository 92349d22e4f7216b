/** Keys that are rotated on a live pool: the admin's, a vendor's, the secret of tickets (9). */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { until } from '../../client/until.ts';
import { expectRefusal } from '../refusal.ts';
import { keyFrom } from '../rlf-writer.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite } from './pool-site.ts';

const site = new PoolSite();
const FILE = 'next.toml';

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  await site.layOut(3, [{ application: 'App', limit: 9, terms }]);
  copyFileSync(site.rlf, site.file(FILE));
  await site.startAll();
});
afterAll(() => site.close());

async function push(): Promise<void> {
  await site.ok(['rlf', 'push', FILE], { env: site.env });
}

/** A code for the pool's admin of now, by that vendor key, in a license file. */
async function sign(application: string, key: string, admin: string): Promise<string> {
  const grant = ['--vendor', 'Acme', '--key', key, '--application', application];
  const terms = ['--version', '1.0', '--limit', '3', '--customer', `${admin}.pub`];
  await site.ok(['code', 'sign', ...grant, ...terms, '-o', `${application}.lic`]);
  return `${application}.lic`;
}

test('the secret of tickets: seats go on, and are claimed with a ticket of the one before', async () => {
  const seats = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(() => site.connect().request({ application: 'App' })),
  );
  const lost: unknown[] = [];
  for (const seat of seats) seat.on('lost', (reason) => lost.push(reason));
  const rotate = ['secret', 'rotate', '--admin-key', site.adminKey, '--json'];
  const first = await site.json(rotate, { env: site.env });
  const second = await site.json(rotate, { env: site.env });
  expect(Number(second['generation'])).toBe(Number(first['generation']) + 1);
  const [server = 'A'] = seats.map((seat) => seat.server);
  await site.kill(server);
  const claimed = () => seats.every((seat) => seat.server !== server);
  await until(claimed, 'all are claimed by those that are left', LIFETIME_MS);
  expect(lost).toEqual([]);
  await site.start(server);
  await Promise.all(seats.map((seat) => seat.release()));
  await site.serves();
}, 120_000);

test('a vendor key beside the old one: codes of both are good', async () => {
  await site.ok(['keys', 'new', 'vendor2.key']);
  const file = await sign('New', 'vendor2.key', site.adminKey);
  const add = ['rlf', 'add', file, '--rlf', FILE, '--key', site.adminKey];
  expectRefusal(await site.lm(add), 65, 'another key of vendor Acme');
  const key = keyFrom(site.file('vendor2.key')).publicKey;
  const text = readFileSync(site.file(FILE), 'utf8');
  const table = `[[vendor]]\nname = "Acme"\nkey = "${key}"\n\n[[vendor]]`;
  writeFileSync(site.file(FILE), text.replace('[[vendor]]', table));
  await site.ok(['rlf', 'sign', FILE, '--key', site.adminKey]);
  await site.ok(add);
  await push();
  for (const application of ['App', 'New']) {
    const seat = await site.connect().request({ application });
    await seat.release();
  }
  const checked = site.connect({ vendorKey: key });
  const seat = await checked.request({ application: 'New' });
  expect(seat.verified).toBe(true);
  await seat.release();
}, 60_000);

test('the admin key: the old one signs the new one, and only that one acts from then on', async () => {
  const before = site.connect();
  const held = await before.request({ application: 'App' });
  const file = await sign('Mine', 'vendor.key', site.adminKey);
  await site.ok(['rlf', 'add', file, '--rlf', FILE, '--key', site.adminKey]);
  await site.ok(['keys', 'new', 'admin2.key']);
  const hand = ['--key', 'admin2.key', '--old-key', site.adminKey];
  await site.ok(['rlf', 'sign', FILE, '--bump', ...hand]);
  await push();
  // The card, and an application that checks by the old key alone, follow the chain.
  const old = keyFrom(site.adminKey).publicKey;
  const { servers } = await site.serves();
  const [{ address } = { address: '' }] = servers as unknown as { address: string }[];
  for (const client of [
    site.connect(),
    site.connect({ pool: undefined, servers: address, trust: old }),
  ]) {
    const seat = await client.request({ application: 'Mine' });
    await seat.release();
  }
  const act = ['secret', 'rotate', '--admin-key'];
  expectRefusal(await site.client([...act, site.adminKey]), 77, 'not signed by the admin key');
  expect((await site.client([...act, 'admin2.key'])).code).toBe(0);
  // The old key signs no RLF any more, but codes made for it stay good.
  await site.ok(['rlf', 'sign', FILE, '--bump', '--key', 'admin2.key']);
  await push();
  copyFileSync(site.rlf, site.file('old.toml'));
  for (let more = 0; more < 9; more++) {
    await site.ok(['rlf', 'sign', 'old.toml', '--bump', '--key', site.adminKey]);
  }
  expectRefusal(await site.client(['rlf', 'push', 'old.toml']), 76, 'is signed by');
  expect(held.valid).toBe(true);
  await held.release();
}, 90_000);
