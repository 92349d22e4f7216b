/** FIG. 4 to 6, as far as one server goes: its own row of the distribution table. */
import { expect, test } from 'bun:test';
import { MessageType } from '../../src/engine/messages.ts';
import { makeRlf, type SampleCode } from './sample-rlf.ts';
import { Server, START } from './server.ts';

const THREE = ['A', 'B', 'C'];
const DAY = 24 * 3_600_000;
const pool = (code: SampleCode) => makeRlf({ servers: THREE, codes: [code] });
const figure4 = pool({ distribution: { A: 40, B: 30, C: 30 } });

/** `A 40 B 30 C 30 free 0`: what each server was allocated. */
function allocations(server: Server): string {
  const { distribution, freePool } = server.license();
  const rows = distribution.map((row) => `${row['server']} ${row['allocated']}`);
  return `${rows.join(' ')} free ${freePool}`;
}

/** The row of a server: allocated, in use, available. */
function row(server: Server, name: string): unknown[] {
  const { distribution } = server.license();
  const found = distribution.find((one) => one['server'] === name);
  return [found?.['allocated'], found?.['inUse'], found?.['available']];
}

test('FIG. 4: the distribution that the RLF says', () => {
  expect(allocations(new Server(figure4))).toBe('A 40 B 30 C 30 free 0');
});

test('FIG. 4 without a distribution: an even split, the remainder in the free pool', () => {
  expect(allocations(new Server(pool({})))).toBe('A 33 B 33 C 33 free 1');
});

test('FIG. 4 with less than the limit: the rest in the free pool', () => {
  expect(allocations(new Server(pool({ distribution: { A: 1, C: 2 } })))).toBe(
    'A 1 B 0 C 2 free 97',
  );
});

test('FIG. 4 of a code that began before the pool did', () => {
  const begun = { notBefore: START - DAY, expires: START + DAY };
  const rlf = pool({ ...begun, distribution: { A: 40, B: 30, C: 30 } });
  expect(allocations(new Server(rlf))).toBe('A 40 B 30 C 30 free 0');
});

test('FIG. 4 of codes of which one is over and one still to begin', () => {
  const rlf = makeRlf({
    servers: THREE,
    codes: [
      { limit: 9, distribution: { A: 3, B: 3, C: 3 } },
      { limit: 100, expires: START - DAY, distribution: { A: 100 } },
      { limit: 50, notBefore: START + DAY, distribution: { B: 50 } },
    ],
  });
  const server = new Server(rlf);
  expect(allocations(server)).toBe('A 3 B 3 C 3 free 0');
  expect(server.license()).toMatchObject({ hardLimit: 9, deficit: 0 });
});

test('FIG. 5 and 6: B has 30 available; it issues one, and has 29', () => {
  const b = new Server(figure4, 1);
  expect(row(b, 'B')).toEqual([30, 0, 30]);
  const client = b.client();
  expect(b.ask(client, b.request(1))[0]?.[0]).toBe(MessageType.grant);
  expect(row(b, 'B')).toEqual([30, 1, 29]);
  expect(row(b, 'A').slice(0, 2)).toEqual([40, 0]);
  expect(b.license()).toMatchObject({ hardLimit: 100, inUse: 1, available: 29, freePool: 0 });
  b.ask(client, b.release(1));
  expect(row(b, 'B')).toEqual([30, 0, 30]);
});

test('FIG. 6: no more than its allocation, all seats or none', () => {
  const b = new Server(figure4, 1);
  const client = b.client();
  expect(b.ask(client, b.request(1, { count: 31 }))[0]).toMatchObject({
    0: MessageType.denied,
    2: 'all-in-use',
  });
  expect(row(b, 'B')).toEqual([30, 0, 30]);
  expect(b.ask(client, b.request(2, { count: 30 }))[0]?.[0]).toBe(MessageType.grant);
  expect(row(b, 'B')).toEqual([30, 30, 0]);
  expect(b.ask(client, b.request(3))[0]?.[0]).toBe(MessageType.denied);
});

test('FIG. 6 for a pool of one: every seat is its own, and the free pool what it draws', () => {
  const one = new Server(makeRlf({ codes: [{ limit: 10, distribution: { A: 4 } }] }));
  expect(allocations(one)).toBe('A 4 free 6');
  const client = one.client();
  for (let key = 1; key <= 10; key++) {
    expect(one.ask(client, one.request(key))[0]?.[0]).toBe(MessageType.grant);
  }
  expect(one.license()).toMatchObject({ inUse: 10, available: 0, freePool: 0 });
  expect(one.ask(client, one.request(11))[0]).toMatchObject({ 2: 'all-in-use' });
});

test('a restart finds the table as it was', () => {
  const one = new Server(makeRlf({ codes: [{ limit: 10, distribution: { A: 4 } }] }));
  one.ask(one.client(), one.request(1, { count: 7 }));
  const before = one.license();
  one.boot = 3;
  one.restart();
  expect(one.license()).toEqual(before);
});
