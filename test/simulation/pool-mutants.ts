/**
 * Defects of a pool that its simulator must find (DESIGN section 12), as changes to sources.
 *
 * Elsewhere: votes, terms and logs in test/raft/simulation/mutants.ts; what one server can do wrong
 * alone (replies before the flush, the time read before messages gather, retries that do not renew,
 * late replies) in mutants.ts; claims, and proposals that come late, in claims-mutants.ts. Two wiped
 * servers can't found a pool, nor one vote: an empty data directory is refused before there is a
 * core.
 *
 * Guarded more than once, so that one guard less changes nothing:
 * - a window that outlives its term, an echo of another session or of an earlier start: the acks
 *   that it could count from are forgotten, and a message reaches only the process it was sent to;
 * - an echo without a window of the leader's own, or before an entry of its own term: without a
 *   majority it steps down before a fence is due. With that guard gone, too, it is found;
 * - a leader that issues before the log says that it returned: it returned before it was elected,
 *   or its window is over;
 * - the drift term of openings: a fence comes a window after the last renewal that counts.
 *
 * Not found yet: waiters that a new leader is not told; a hold that was claimed and is kept in mind
 * where it was taken over; a hold taken over without a trace, or ended
 * by a time that was up before it was renewed (test/engine/taken-holds.test.ts has both); a ticket
 * of the secret before that is worth nothing; those who waited at a lost server passed by others; a
 * line served before its leader knows all lines; places of another pool time, or too old.
 */
import { SMALL_LIMITS } from './copy.ts';
import type { Mutant } from './mutant.ts';

const ELSEWHERE = 'src/engine/elsewhere.ts';
const FENCING = 'src/engine/pool/fencing.ts';
const HOLDS = 'src/engine/holds.ts';
const ISSUER = 'src/engine/issuer.ts';
const KEY_MOVES = 'src/engine/key-moves.ts';
const LEADING = 'src/engine/pool/leading.ts';
const LENDING = 'src/engine/pool/lending.ts';
const POOL = 'src/engine/pool/pool.ts';
const POOL_CLOCK = 'src/engine/pool/pool-clock.ts';
const REDISTRIBUTION = 'src/engine/ledger/redistribution.ts';
const ROW = 'src/engine/row.ts';
const ROWS = 'src/engine/rows.ts';
const SERVERS = 'src/engine/ledger/servers.ts';
const STATE = 'src/engine/ledger/state.ts';

const NOT_FENCED = 'if (known === undefined || known.fence !== fence || known.session !== null)';
const ECHOED = 'if (echo !== null && echo.session === session) window.echoed(echo.number);';
const OPENS = 'timed.at + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS';
const TAKES_NEXT = 'if (number !== known.proposal + 1) return false;';
const TAKEN = 'if (number !== next) continue;';

/** Looked for by every run of the tests: each is found in many seeds. */
export const POOL_MUTANTS: readonly Mutant[] = [
  mutant('the window is half as long again', { from: 21, seedsMax: 60 }, [
    'src/engine/pool/window.ts',
    'at + WINDOW_MS',
    'at + 1.5 * WINDOW_MS',
  ]),
  mutant(
    'echoes before an entry of the own term, and without a window or a majority',
    { from: 8, seedsMax: 60 },
    [
      LEADING,
      'if (this.#establishedAt === null || !window.isOpen(time.boot)) return false;',
      'if (window.end + time.boot === 0) return false;',
    ],
    [
      'src/engine/raft/leader.ts',
      'if (!hasQuorum(raft)) {',
      'if (raft.now < 0 && !hasQuorum(raft)) {',
    ],
  ),
  mutant('a server that acked is fenced too early', { from: 15, seedsMax: 60 }, [
    FENCING,
    'FENCE_AFTER_ACK_MS = WINDOW_MS',
    'FENCE_AFTER_ACK_MS = 0.5 * WINDOW_MS',
  ]),
  mutant('a server that was not heard is fenced too early', { from: 21, seedsMax: 60 }, [
    FENCING,
    'FENCE_UNHEARD_MS = 2 * WINDOW_MS',
    'FENCE_UNHEARD_MS = 0.2 * WINDOW_MS',
  ]),
  mutant(
    'seats of a server that returned are opened by its last fence',
    { from: 9, seedsMax: 60 },
    [
      LEADING,
      "const isFenced = newest?.type === 'fenced' && newest.index <= state.applied;",
      'const isFenced = newest !== null && newest.index <= state.applied;',
    ],
    [
      LEADING,
      'fence: newest.index, licenses',
      'fence: state.servers.get(server)?.fence ?? 0, licenses',
    ],
    [STATE, `${NOT_FENCED} return 'void';`, "if (known?.fence !== fence) return 'void';"],
  ),
  mutant(
    "a lost server's seats are lent before they are opened",
    { from: 15, seedsMax: 60 },
    [
      LENDING,
      'accounts !== undefined && state.isOpened(server, accounts)',
      'accounts !== undefined && state.servers.isFenced(server)',
    ],
    [SERVERS, '(opened.get(server) ?? 0) > fence;', 'fence >= 0;'],
  ),
  mutant('the end of a key leaves out the drift of clocks', { from: 3, seedsMax: 60 }, [
    'src/engine/key-table.ts',
    'heard + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS',
    'heard + lifetimeMs',
  ]),
  mutant('a key that came is not put into the table', { from: 5, seedsMax: 60 }, [
    KEY_MOVES,
    'if (to === this.#pool.server) this.#issuer.adopt(license, key, time);',
    '',
  ]),
  mutant('a key that left stays in the table', { from: 15, seedsMax: 60 }, [
    KEY_MOVES,
    'if (from === this.#pool.server) this.#drop(key.id);',
    '',
  ]),
  mutant('a server that was rolled back is accepted', { from: 89, seedsMax: 60 }, [
    'src/engine/pool/peer-memory.ts',
    'if (!isSame && !isLater) {',
    'if (known.boot < 0) {',
  ]),
  mutant(
    'the number of a proposal is used again',
    { from: 1, seedsMax: 60 },
    [SERVERS, TAKES_NEXT, 'if (number > known.proposal + 1) return false;'],
    [LEADING, TAKEN, ''],
  ),
  mutant(
    'numbers of proposals may be skipped',
    { from: 40, seedsMax: 60 },
    [SERVERS, TAKES_NEXT, 'if (number <= known.proposal) return false;'],
    [LEADING, TAKEN, 'if (number < next) continue;\n      next = number;'],
  ),
  mutant('what a server gained by a rollout stays due to it', { from: 8, seedsMax: 60 }, [
    REDISTRIBUTION,
    'if (gained > 0) this.#put(to, Math.max(0, gained - count));',
    '',
  ]),
  mutant('what was proposed to another leader is not proposed again', { from: 12, seedsMax: 60 }, [
    'src/engine/pool/proposals.ts',
    'this.#unsent = this.#pending[0]?.number ?? this.#next;',
    '',
  ]),
  mutant(
    'the borrower gains before the lender gave',
    { from: 2, seedsMax: 60 },
    [LENDING, 'if (lender.isDead) this.#takeFromDead', 'if (lender.available) this.#takeFromDead'],
    [STATE, "if (!mayGive) return 'void';", ''],
  ),
  mutant('a report is taken for an allocation', { from: 2, seedsMax: 60 }, [
    ROWS,
    'const count = Math.min(row.available, row.allocated - row.outgoing - keep);',
    'const count = row.allocated - row.outgoing - keep;',
  ]),
  mutant(
    'seats are granted while some are owed',
    { from: 43, seedsMax: 60 },
    [
      ROW,
      "return this.phase === 'active' && nobodyWaits && this.accounts.deficit === 0;",
      "return this.phase === 'active' && nobodyWaits;",
    ],
    [
      ISSUER,
      "const servable = row.phase === 'active' && row.accounts.deficit === 0;",
      "const servable = row.phase === 'active';",
    ],
  ),
  mutant('nobody pays the deficit', { from: 1, seedsMax: 60 }, [
    ROWS,
    'const count = Math.min(row.accounts.deficit - row.outgoing, row.available);',
    'const count = Math.min(row.accounts.deficit, 0);',
  ]),
  mutant('a local grant passes the line of the pool', { from: 152, seedsMax: 60 }, [
    ROW,
    'this.line.length === 0 && (this.word?.othersSince ?? null) === null',
    'this.line.length === 0',
  ]),
  mutant('every server serves its own line first', { from: 23, seedsMax: 60 }, [
    ROW,
    'return head !== null && (othersSince === null || head.since <= othersSince);',
    'return head !== null;',
  ]),
  mutant("the mark follows the leader's clock alone", { from: 46, seedsMax: 60 }, [
    LEADING,
    'return readings[majority(configuration) - 1] ?? 0;',
    'return own;',
  ]),
  mutant('an eviction frees the seat at once', { from: 10, seedsMax: 60 }, [
    KEY_MOVES,
    '    if (!valid || entry === null) return;\n',
    `    if (!valid || entry === null) return;
    if (entry.type === 'evict') this.#drop(entry.id);\n`,
  ]),
  mutant('what is evicted is renewed', { from: 18, seedsMax: 60 }, [
    ISSUER,
    'if (this.#pool.state.evicted.has(key.id)) return evicted(row);',
    '',
  ]),
  mutant('a hold ends before its holder thinks so', { from: 5, seedsMax: 60 }, [
    HOLDS,
    'const end = deadlineOf(now, key.lifetimeMs);',
    'const end = now + key.lifetimeMs - 500;',
  ]),
  mutant('what a rollout owes grows', { from: 1, seedsMax: 60 }, [
    REDISTRIBUTION,
    'if (gained > 0) this.#put(to, Math.max(0, gained - count));',
    'this.#put(to, gained - count);',
  ]),
  mutant('seats of a hold are given to others meanwhile', { from: 3, seedsMax: 60 }, [
    HOLDS,
    "const outgoing = proposal.type === 'record' ? asked.count : 0;",
    'const outgoing = 0;',
  ]),
];

/** Found in one of tens of seeds, or of hundreds. */
export const RARE_POOL_MUTANTS: readonly Mutant[] = [
  mutant('the window counts from when an echo was heard', { from: 19, seedsMax: 300 }, [
    'src/engine/pool/listening.ts',
    ECHOED,
    `if (echo !== null && echo.session === session) {
      window.round(-1, this.#pool.time.boot);
      window.acked(-1);
    }`,
  ]),
  mutant('ack times are kept across terms', { from: 48, seedsMax: 300 }, [
    LEADING,
    'this.#pool.picture.forget();',
    '',
  ]),
  mutant('an echo is given to a server that is fenced', { from: 16, seedsMax: 1000 }, [
    LEADING,
    "return newest?.type === 'returned' && newest.index === picture.peer(to).echo?.session;",
    'return newest !== undefined;',
  ]),
  mutant('a return of an earlier start counts', { from: 7, seedsMax: 300 }, [
    POOL,
    'if (entry.boot === boot) this.proposals.begin(index);',
    'if (boot > 0) this.proposals.begin(index);',
  ]),
  mutant('seats are opened a window too soon', { from: 205, seedsMax: 1000 }, [
    FENCING,
    OPENS,
    'timed.at + lifetimeMs - 3_000',
  ]),
  mutant('seats are opened by the new, shorter lifetime', { from: 28, seedsMax: 1000 }, [
    'src/engine/ledger/accounts.ts',
    'longest.set(server, Math.max(lifetimeMs, longest.get(server) ?? 0));',
    '',
  ]),
  mutant('keys of opened seats stay in the table', { from: 349, seedsMax: 1000 }, [
    KEY_MOVES,
    'this.#dropAll(new Set(entry.licenses));',
    '',
  ]),
  mutant('a rollout that is under way is not on disk', { from: 43, seedsMax: 300 }, [
    REDISTRIBUTION,
    'sorted(this.due)];',
    '[]];',
  ]),
  small('keys that left are not made up for after a snapshot', { from: 40, seedsMax: 300 }, [
    KEY_MOVES,
    'for (const { key } of state.moved.from(server)) this.#drop(key.id);',
    '',
  ]),
  mutant('a seat used for a claim is given to others meanwhile', { from: 16, seedsMax: 300 }, [
    ELSEWHERE,
    "const outgoing = proposal.type === 'end' ? count : 0;",
    'const outgoing = 0;',
  ]),
  mutant(
    'the number of a proposal is skipped',
    { from: 40, seedsMax: 300 },
    [SERVERS, TAKES_NEXT, 'if (number <= known.proposal) return false;'],
    [LEADING, TAKEN, 'if (number < next) continue;'],
  ),
  mutant(
    'grants go on while seats are owed',
    { from: 294, seedsMax: 300 },
    [ROW, ' && this.accounts.deficit === 0;', ';'],
    [ISSUER, "row.phase === 'active' && row.accounts.deficit === 0", "row.phase === 'active'"],
  ),
  mutant('who came last is the first of the line', { from: 21, seedsMax: 300 }, [
    LENDING,
    'heads.sort((a, b) => sinceOf(a) - sinceOf(b))',
    'heads.sort((a, b) => sinceOf(b) - sinceOf(a))',
  ]),
  mutant('pool time begins anew with every leader', { from: 2, seedsMax: 300 }, [
    POOL_CLOCK,
    'if (this.#origin === 0) this.#origin = term;',
    'this.#origin = term;\n    this.#aheadMs = 0;\n    this.#least = Number.NEGATIVE_INFINITY;',
  ]),
  mutant('who waits is not shifted to another pool time', { from: 76, seedsMax: 300 }, [
    POOL_CLOCK,
    'const shiftMs = isOther ? aheadMs - this.#aheadMs : 0;',
    'const shiftMs = 0;',
  ]),
  mutant('a key leaves a server twice', { from: 444, seedsMax: 300 }, [
    STATE,
    'return this.moved.get(server, key.id) === undefined && !this.evicted.has(key.id);',
    'return !this.evicted.has(key.id);',
  ]),
  mutant('a hold that was taken over is no key', { from: 125, seedsMax: 300 }, [
    KEY_MOVES,
    'this.#issuer.adopt(entry.license, entry.key, time);',
    '',
  ]),
];

type Change = readonly [file: string, find: string, replace: string];

/** Where it is found first, and in how many simulations from there on at the latest. */
type Seeds = Required<Pick<Mutant, 'from' | 'seedsMax'>>;

export function mutant(name: string, seeds: Seeds, ...changes: readonly Change[]): Mutant {
  return {
    name,
    ...seeds,
    patches: changes.map(([file, find, replace]) => ({ file, find, replace })),
  };
}

/** With limits so small that snapshots are sent. */
export function small(name: string, seeds: Seeds, ...changes: readonly Change[]): Mutant {
  const { patches } = mutant(name, seeds, ...changes);
  return { name, ...seeds, patches: [...SMALL_LIMITS, ...patches] };
}
