/** Defects that the simulator must find (DESIGN section 12), as changes to the texts of sources. */
import { type Patch, SMALL_LIMITS } from './copy.ts';
import type { Mutant } from './mutant.ts';

export const MUTANTS: readonly Mutant[] = [
  mutant('a reply is sent before the flush', 'src/net/node.ts', [
    '        commit(effects.writes);',
    '        this.#send(effects);\n        commit(effects.writes);',
    '      this.#send(effects);\n      if (effects.writes.length === 0) return;',
    '      if (effects.writes.length === 0) {\n        this.#send(effects);\n        return;\n      }',
  ]),
  mutant('the time is read before messages gather', 'src/net/node.ts', [
    '    this.#scheduled = true;\n    this.#gatherUntil = 0;',
    '    this.#scheduled = true;\n    this.#early = this.#options.now();\n    this.#gatherUntil = 0;',
    '  #scheduled = false;\n  #lastBatch',
    '  #scheduled = false;\n  #early: Time | null = null;\n  #lastBatch',
    '      const time = now();\n      for',
    '      const time = this.#early ?? now();\n      this.#early = null;\n      for',
  ]),
  mutant(
    'the end of a key leaves out the drift of clocks',
    'src/engine/key-table.ts',
    ['heard + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS', 'heard + lifetimeMs + MARGIN_MS'],
    9,
  ),
  mutant('a key ends when its lifetime is over by the clock here', 'src/engine/key-table.ts', [
    'heard + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS',
    'heard + lifetimeMs',
  ]),
  mutant(
    'a push shortens the lifetime of keys that live',
    'src/engine/issuer.ts',
    [
      '    this.#keys.renew(key, time.boot);\n    this.#replies.alive(',
      `    const { lifetimeMs } = this.#rows.of(key.terms.license);
    const shortest = Math.min(key.terms.lifetimeMs, lifetimeMs || 1e9);
    key.deadline = time.boot + shortest * 1.01 + 200;
    this.#replies.alive(`,
    ],
    12,
  ),
  mutant('a retry is answered without being renewed', 'src/engine/issuer.ts', [
    '    this.#keys.renew(key, time.boot);\n    this.#replies.grant(client, sequence, key, key.terms.lifetimeMs);',
    '    this.#replies.grant(client, sequence, key, key.terms.lifetimeMs);',
  ]),
  mutant('a retry gets a second grant', 'src/engine/issuer.ts', [
    '    if (key !== undefined) {\n      this.#again',
    '    if (key !== undefined && key.deadline < 0) {\n      this.#again',
  ]),
  mutant('a grant passes the line', 'src/engine/row.ts', [
    'const nobodyWaits = this.line.length === 0 && ',
    'const nobodyWaits = ',
  ]),
  mutant('the order of the line is lost', 'src/engine/line.ts', [
    'this.#waiters.splice(after + 1, 0, waiter);',
    'this.#waiters.unshift(waiter);',
  ]),
  {
    name: 'grants go on while seats are owed',
    from: 12,
    patches: [
      {
        file: 'src/engine/row.ts',
        find: ' && this.accounts.deficit === 0;',
        replace: ';',
      },
      {
        file: 'src/engine/issuer.ts',
        find: "row.phase === 'active' && row.accounts.deficit === 0",
        replace: "row.phase === 'active'",
      },
    ],
  },
  mutant('a seat that comes free pays no deficit', 'src/engine/issuer.ts', [
    '    if (row.accounts.deficit > 0) this.#rows.payDeficit(row);\n',
    '',
  ]),
  mutant('a release is acknowledged, and not written', 'src/engine/key-table.ts', [
    '    this.#expiry.remove(key);\n    this.#journal.ended(key);',
    '    this.#expiry.remove(key);',
  ]),
  mutant('a lower limit takes seats that are in use', 'src/engine/ledger/accounts.ts', [
    '    accounts.deficit += -more - taken;',
    `    for (const [server, count] of accounts.rows) {
      accounts.rows.set(server, count + more + taken);
    }`,
  ]),
  mutant('the free pool is drawn from twice', 'src/engine/rows.ts', [
    'row.accounts.freePool - row.incoming;',
    'row.accounts.freePool;',
    'row.available + row.incoming;',
    'row.available;',
  ]),
  mutant('keys found on disk count as heard in the past', 'src/engine/key-table.ts', [
    '  recover(source: RecordSource, now: number): void {\n',
    '  recover(source: RecordSource, start: number): void {\n    const now = start - 10_000;\n',
  ]),
  mutant(
    'who is turned away blocks those behind',
    'src/engine/issuer.ts',
    [
      '      this.#turnAway(row, head);\n    }',
      '      this.#turnAway(row, head);\n      break;\n    }',
    ],
    93,
  ),
  mutant('nobody is served when a connection closes', 'src/engine/issuer.ts', [
    '      this.#rows.changed(row);\n      this.#settle(row, time);\n    }\n  }\n\n  /** Ends what',
    '      row.usage;\n    }\n  }\n\n  /** Ends what',
  ]),
  mutant('seats whose time is over stay in use', 'src/engine/issuer.ts', [
    "      this.#outbox.note('info', 'a seat came back: its holder was not heard of', fields);\n      this.#free(key, time);",
    '',
  ]),
  mutant(
    'nobody looks for seats whose time is over',
    'src/engine/core.ts',
    ['this.#keys.nextExpiry ?? Number.POSITIVE_INFINITY', 'Number.POSITIVE_INFINITY'],
    112,
  ),
  mutant('license time follows a wall clock that jumps', 'src/engine/clock-guard.ts', [
    'most + CLOCK_SLEW_MS_MAX * share(elapsed)',
    'most + 1e12',
  ]),
  mutant(
    'license time stands still after the wall clock was set back',
    'src/engine/clock-guard.ts',
    ['Math.max(least, Math.min', 'Math.max(this.#judged, Math.min'],
  ),
  {
    name: 'a checkpoint forgets what has ended',
    patches: [
      ...SMALL_LIMITS,
      {
        file: 'src/engine/key-journal.ts',
        find: 'if (key.tabled) this.#due.set(key.number, null);',
        replace: 'if (key.tabled) this.#due.delete(key.number);',
      },
    ],
  },
  {
    name: 'a checkpoint leaves out what was recovered',
    patches: [
      ...SMALL_LIMITS,
      {
        file: 'src/engine/key-journal.ts',
        find: '  recovered(key: Journaled): void {\n    this.#due.set(key.number, key);',
        replace: '  recovered(_: Journaled): void {',
      },
    ],
  },
  mutant('a client accepts a late reply for a seat it gave up', 'test/simulation/seat.ts', [
    "sentAt: number): void {\n    if (this.phase === 'over') return;",
    'sentAt: number): void {',
  ]),
  mutant(
    'a client counts from when it was answered',
    'test/simulation/client.ts',
    ['sent.seat.onReply(message, sent.sentAt);', 'sent.seat.onReply(message, this.clock);'],
    4,
  ),
];

/** Without the check that whatever may be relied upon is held, which finds most of them sooner. */
const UNHELD: Patch = {
  file: 'test/simulation/observer.ts',
  find: 'check(held?.count === count,',
  replace: 'check(true,',
};

const GRAVE = /drift|by the clock here|heard in the past|late reply|when it was answered/;

/** Mutants that give one seat to two, to be found by nothing but the sum of what is believed in. */
export const PROMISE_ALONE: readonly Mutant[] = MUTANTS.filter(({ name }) => GRAVE.test(name)).map(
  ({ patches, ...rest }) => ({ ...rest, patches: [...patches, UNHELD] }),
);

/** `texts`: what is found, and what takes its place, in turn. */
function mutant(name: string, file: string, texts: readonly string[], from = 1): Mutant {
  const patches: Patch[] = [];
  for (let at = 0; at + 1 < texts.length; at += 2) {
    patches.push({ file, find: texts[at] ?? '', replace: texts[at + 1] ?? '' });
  }
  return { name, from, patches };
}
