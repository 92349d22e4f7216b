/** Administrative acts on a pool of three: `lm evict` and `lm leader transfer`. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { LmError } from '../../../src/net/client/index.ts';
import { until } from '../../client/until.ts';
import { Program } from '../program.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite } from './pool-site.ts';

const site = new PoolSite();

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  await site.layOut(3, [{ application: 'App', limit: 9, terms }]);
  await site.startAll();
  await site.ok(['pool', 'init', 'other', '127.0.0.1:7999']);
});
afterAll(() => site.close());

/** No seat is in use any more. An evicted one comes back after its lifetime: one wait for several. */
async function allBack(): Promise<void> {
  const isBack = ({ licenses }: { licenses: readonly { available: number | null }[] }) => {
    return licenses[0]?.available === 9;
  };
  await site.when(isBack, 'the seat is back', 2 * LIFETIME_MS);
}

test('a program under lm exec whose seat is evicted is ended: exit 79', async () => {
  const program = new Program(
    site,
    'trap "echo asked to end; exit 3" TERM; echo up; while :; do sleep 0.1; done',
  );
  await program.says('up');
  const { authorizations } = await site.when(
    (status) => status.authorizations.length === 1,
    'one runs',
  );
  const { user, host } = authorizations[0] ?? { user: '', host: '' };
  const filter = ['--user', user, '--host', host, '--application', 'App'];
  await site.ok(['evict', ...filter, '--admin-key', site.adminKey], { env: site.env });
  const { code, stdout, stderr } = await program.end();
  expect({ code, stdout }).toEqual({ code: 79, stdout: 'up\nasked to end\n' });
  expect(stderr).toContain('An administrator ended this authorization');
}, 120_000);

test('an evicted seat is lost by name, comes back, and is not had again by its key', async () => {
  const seat = await site.connect().request({ application: 'App' });
  const { id, key } = seat;
  const reasons: LmError[] = [];
  const regained: unknown[] = [];
  seat.on('lost', (reason) => reasons.push(reason)).on('regained', () => regained.push(1));
  await site.ok(['evict', id, '--admin-key', site.adminKey], { env: site.env });
  await until(() => reasons.length > 0, 'the holder hears of it', LIFETIME_MS);
  expect([reasons[0]?.code, seat.valid]).toEqual(['evicted', false]);
  const renewed = await site.client(['renew', '-'], { stdin: key });
  expect([renewed.code, renewed.stdout]).toEqual([77, '']);
  await allBack();
  expect(regained).toEqual([]);
  const late = await site.client(['renew', '-', '--json'], { stdin: key });
  expect([0, 69, 75]).not.toContain(late.code);
}, 120_000);

test('leadership is handed to whom the administrator says, and seats stay', async () => {
  const seats = await Promise.all([1, 2, 3, 4, 5].map(() => hold()));
  const { leader } = await site.serves();
  const to = leader === 'B' ? 'C' : 'B';
  const { term } = await site.serves();
  await site.ok(['leader', 'transfer', to, '--admin-key', site.adminKey], { env: site.env });
  const after = await site.when((status) => status.leader === to, `${to} leads`);
  expect(after.term).toBeGreaterThan(term);
  await site.serves();
  const [one] = seats;
  const end = one?.seat.expiresAt.getTime() ?? 0;
  await until(() => (one?.seat.expiresAt.getTime() ?? 0) > end + 1_000, 'it is renewed', 20_000);
  expect(seats.map(({ seat, lost }) => [seat.valid, lost.length])).toEqual(
    seats.map(() => [true, 0]),
  );
  await Promise.all(seats.map(({ seat }) => seat.release()));
  await allBack();
}, 120_000);

async function hold() {
  const seat = await site.connect().request({ application: 'App' });
  const lost: unknown[] = [];
  seat.on('lost', (reason) => lost.push(reason));
  return { seat, lost };
}

test('without the admin key, or with that of another pool, nothing is done', async () => {
  const { seat, lost } = await hold();
  const { leader, term } = await site.serves();
  const to = leader === 'A' ? 'B' : 'A';
  for (const act of [
    ['evict', seat.id],
    ['leader', 'transfer', to],
  ]) {
    const bare = await site.client(act);
    const wrong = await site.client([...act, '--admin-key', site.file('other/admin.key')]);
    expect({ act, codes: [bare.code, wrong.code] }).toEqual({ act, codes: [78, 77] });
    expect(bare.stdout + wrong.stdout).toBe('');
  }
  const after = await site.serves();
  expect({ leader: after.leader, term: after.term }).toEqual({ leader, term });
  expect(after.authorizations.map(({ id, state }) => [id, state])).toEqual([[seat.id, 'active']]);
  expect([seat.valid, lost]).toEqual([true, []]);
});
