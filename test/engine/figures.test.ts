/** FIG. 4, and FIG. 6 for a pool of one; test/scenarios has FIG. 5 to 11. */
import { expect, test } from 'bun:test';
import { MessageType } from '../../src/engine/messages.ts';
import { ScenarioPool } from '../scenarios/pool.ts';
import { makeRlf, type SampleCode } from './sample-rlf.ts';
import { Server, START } from './server.ts';

const THREE = ['A', 'B', 'C'];
const DAY = 24 * 3_600_000;

/** `A 40 B 30 C 30 free 0`: what each server of a pool of three was allocated at the start. */
function allocationsOf(...codes: SampleCode[]): string {
  const pool = new ScenarioPool(THREE, codes);
  for (const server of pool.servers) server.start();
  pool.link();
  pool.advance(3_000);
  const [license] = pool.server('A').status()?.licenses ?? [];
  return license === undefined ? 'no license' : textOf(license);
}

function textOf({ distribution, freePool }: Allocations): string {
  const rows = distribution.map(({ server, allocated }) => `${server} ${allocated}`);
  return `${rows.join(' ')} free ${freePool}`;
}

interface Allocations {
  readonly distribution: readonly { readonly server: string; readonly allocated: number }[];
  readonly freePool: number;
}

test('FIG. 4: the distribution that the RLF says', () => {
  expect(allocationsOf({ distribution: { A: 40, B: 30, C: 30 } })).toBe('A 40 B 30 C 30 free 0');
});

test('FIG. 4 without a distribution: an even split, the remainder in the free pool', () => {
  expect(allocationsOf({})).toBe('A 33 B 33 C 33 free 1');
});

test('FIG. 4 with less than the limit: the rest in the free pool', () => {
  expect(allocationsOf({ distribution: { A: 1, C: 2 } })).toBe('A 1 B 0 C 2 free 97');
});

test('FIG. 4 of a code that began before the pool did', () => {
  const begun = { notBefore: START - DAY, expires: START + DAY };
  const code = { ...begun, distribution: { A: 40, B: 30, C: 30 } };
  expect(allocationsOf(code)).toBe('A 40 B 30 C 30 free 0');
});

test('FIG. 4 of codes of which one is over and one still to begin', () => {
  const codes = [
    { limit: 9, distribution: { A: 3, B: 3, C: 3 } },
    { limit: 100, expires: START - DAY, distribution: { A: 100 } },
    { limit: 50, notBefore: START + DAY, distribution: { B: 50 } },
  ];
  expect(allocationsOf(...codes)).toBe('A 3 B 3 C 3 free 0');
});

test('FIG. 6 for a pool of one: every seat is its own, and the free pool what it draws', () => {
  const one = new Server(makeRlf({ codes: [{ limit: 10, distribution: { A: 4 } }] }));
  expect(one.license()).toMatchObject({ hardLimit: 10, freePool: 6 });
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
  // How its seats came to be where they are is remembered by a process only.
  expect(one.license()).toEqual({ ...before, moves: { underWay: [], last: [] } });
});
