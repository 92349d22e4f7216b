/** DESIGN section 4: the accounts of a license balance, whatever entries come. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  type Accounts,
  accountsRecord,
  balance,
  DEFICIT,
  distribute,
  FREE_POOL,
  isEmpty,
  moveSeats,
  openAccounts,
  RECORDS,
  readAccounts,
  setHardLimit,
} from '../../src/engine/ledger/accounts.ts';

const SERVERS = ['A', 'B', 'C'];
const ALL = [...SERVERS, FREE_POOL, RECORDS, DEFICIT];

function start(rows: Record<string, number>, freePool: number): Accounts {
  const accounts = openAccounts('license');
  distribute(accounts, { rows: new Map(Object.entries(rows)), freePool });
  return accounts;
}

const figure4 = () => start({ A: 40, B: 30, C: 30 }, 0);

/** What each account holds, to be compared. */
function sheet(accounts: Accounts): Record<string, number> {
  const held = Object.fromEntries(ALL.map((account) => [account, balance(accounts, account)]));
  return { ...held, limit: accounts.hardLimit };
}

function expectBalance(accounts: Accounts): void {
  const { limit = 0, ...held } = sheet(accounts);
  const deficit = held[DEFICIT] ?? 0;
  const seats = Object.values(held).reduce((sum, count) => sum + count, 0) - deficit;
  expect(seats).toBe(limit + deficit);
  expect(Math.min(limit, ...Object.values(held))).toBeGreaterThanOrEqual(0);
}

const account = fc.constantFrom(...ALL);
const move = fc.record({ from: account, to: account, count: fc.integer({ min: -2, max: 40 }) });
const entry = fc.oneof(
  { arbitrary: move, weight: 4 },
  { arbitrary: fc.nat(120).map((limit) => ({ limit })), weight: 1 },
);
const seats = fc.nat(40);

describe('arbitrary entries', () => {
  const run = fc.tuple(
    fc.tuple(seats, seats, seats, seats),
    fc.array(entry, { size: 'max', maxLength: 40 }),
  );

  test('keep rows + free pool + records = hard limit + deficit, and none negative', () => {
    fc.assert(
      fc.property(run, ([[A, B, C, freePool], entries]) => {
        const accounts = start({ A, B, C }, freePool);
        for (const next of entries) {
          if ('limit' in next) setHardLimit(accounts, next.limit);
          else moveSeats(accounts, next);
          expectBalance(accounts);
        }
      }),
    );
  });

  test('move what they say, the free pool paying a deficit first, or nothing', () => {
    fc.assert(
      fc.property(run, ([[A, B, C, freePool], entries]) => {
        const accounts = start({ A, B, C }, freePool);
        for (const next of entries) {
          const before = sheet(accounts);
          if ('limit' in next) {
            setHardLimit(accounts, next.limit);
            continue;
          }
          const { from, to, count } = next;
          const moved = moveSeats(accounts, next);
          const possible =
            count > 0 && from !== to && from !== DEFICIT && (before[from] ?? 0) >= count;
          expect(moved).toBe(possible && (to !== DEFICIT || (before[DEFICIT] ?? 0) >= count));
          const expected = { ...before };
          if (moved) {
            expected[from] = (before[from] ?? 0) - count;
            // Paid: the seat is out of circulation, and that much less is owed.
            expected[to] = (before[to] ?? 0) + (to === DEFICIT ? -count : count);
            const paid = Math.min(expected[FREE_POOL] ?? 0, expected[DEFICIT] ?? 0);
            expected[FREE_POOL] = (expected[FREE_POOL] ?? 0) - paid;
            expected[DEFICIT] = (expected[DEFICIT] ?? 0) - paid;
          }
          expect(sheet(accounts)).toEqual(expected);
        }
      }),
    );
  });

  test('raise the deficit only by lowering the limit, by no more than that', () => {
    fc.assert(
      fc.property(run, ([[A, B, C, freePool], entries]) => {
        const accounts = start({ A, B, C }, freePool);
        for (const next of entries) {
          const { deficit, hardLimit } = accounts;
          if ('limit' in next) setHardLimit(accounts, next.limit);
          else moveSeats(accounts, next);
          const lowered = Math.max(0, hardLimit - accounts.hardLimit);
          expect(accounts.deficit - deficit).toBeLessThanOrEqual(lowered);
        }
      }),
    );
  });

  test('read back from the disk as they were', () => {
    fc.assert(
      fc.property(run, ([[A, B, C, freePool], entries]) => {
        const accounts = start({ A, B, C }, freePool);
        for (const next of entries) {
          if ('limit' in next) setHardLimit(accounts, next.limit);
          else moveSeats(accounts, next);
        }
        expect(readAccounts('license', accountsRecord(accounts))).toEqual(accounts);
      }),
    );
  });
});

describe('a new limit', () => {
  test('lowered: from the free pool first, what it lacks is the deficit; rows stay', () => {
    const accounts = start({ A: 40, B: 30 }, 30);
    setHardLimit(accounts, 80);
    expect(sheet(accounts)).toMatchObject({ A: 40, B: 30, [FREE_POOL]: 10, [DEFICIT]: 0 });
    setHardLimit(accounts, 50);
    expect(sheet(accounts)).toMatchObject({ A: 40, B: 30, [FREE_POOL]: 0, [DEFICIT]: 20 });
  });

  test('raised: pays the deficit first, the rest is for the free pool', () => {
    const accounts = figure4();
    setHardLimit(accounts, 70);
    setHardLimit(accounts, 90);
    expect(sheet(accounts)).toMatchObject({ [FREE_POOL]: 0, [DEFICIT]: 10, limit: 90 });
    setHardLimit(accounts, 120);
    expect(sheet(accounts)).toMatchObject({ [FREE_POOL]: 20, [DEFICIT]: 0, limit: 120 });
  });

  test('of nothing: every seat is owed, and once all are paid nothing is left to keep', () => {
    const accounts = figure4();
    setHardLimit(accounts, 0);
    expect(isEmpty(accounts)).toBe(false);
    for (const [from, count] of [
      ['A', 40],
      ['B', 30],
      ['C', 30],
    ] as const) {
      expect(moveSeats(accounts, { from, to: DEFICIT, count })).toBe(true);
    }
    expect(isEmpty(accounts)).toBe(true);
  });
});

test('FIG. 4: the initial distribution, and a record that does not balance is a defect', () => {
  expect(sheet(figure4())).toMatchObject({ A: 40, B: 30, C: 30, [FREE_POOL]: 0, limit: 100 });
  expect(() => readAccounts('license', [100, 0, 0, 0, [['A', 99]]])).toThrow('invariant broken');
  expect(() =>
    readAccounts('license', [
      1,
      0,
      0,
      0,
      [
        ['A', 2],
        ['B', -1],
      ],
    ]),
  ).toThrow('negative');
});

describe('a rollout ends once nobody has any of its seats to give', () => {
  /** A is to have all of them: B and C owe three each. */
  function owed(): Accounts {
    const accounts = start({ A: 0, B: 3, C: 3 }, 0);
    accounts.redistribution.aim(new Map([['A', 6]]), accounts);
    expect([...accounts.redistribution.due.values()]).toEqual([6, -3, -3]);
    return accounts;
  }

  test('also where some went elsewhere meanwhile, as a claim takes them', () => {
    const accounts = owed();
    moveSeats(accounts, { from: 'B', to: 'A', count: 3 });
    moveSeats(accounts, { from: 'C', to: 'B', count: 1 });
    expect(accounts.redistribution.isUnderWay).toBe(true);
    moveSeats(accounts, { from: 'C', to: 'A', count: 2 });
    expect(accounts.redistribution.isUnderWay).toBe(false);
  });

  test('not while some are in the free pool, or held', () => {
    const accounts = owed();
    moveSeats(accounts, { from: 'B', to: FREE_POOL, count: 3 });
    moveSeats(accounts, { from: 'C', to: RECORDS, count: 3 });
    expect(accounts.redistribution.isUnderWay).toBe(true);
    moveSeats(accounts, { from: FREE_POOL, to: 'A', count: 3 });
    expect(accounts.redistribution.isUnderWay).toBe(true);
    moveSeats(accounts, { from: RECORDS, to: 'A', count: 3 });
    expect(accounts.redistribution.isUnderWay).toBe(false);
  });
});
