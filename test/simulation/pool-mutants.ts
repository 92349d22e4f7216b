/** Defects of a pool that its simulator must find (DESIGN section 12), as changes to sources. */
import { type Patch, SMALL_LIMITS } from './copy.ts';
import type { Mutant } from './mutants.ts';

const WINDOW = 'src/engine/pool/window.ts';
const FENCING = 'src/engine/pool/fencing.ts';
const POOL = 'src/engine/pool/pool.ts';
const LEADING = 'src/engine/pool/leading.ts';
const LENDING = 'src/engine/pool/lending.ts';
const STATE = 'src/engine/ledger/state.ts';
const SERVERS = 'src/engine/ledger/servers.ts';
const KEY_MOVES = 'src/engine/key-moves.ts';

const NOT_FENCED = 'if (known === undefined || known.fence !== fence || known.session !== null)';
const ECHOED =
  'if (echo !== null && echo.session === this.session) this.window.echoed(echo.number);';
const TAKES_SESSION = 'if (known === undefined || known.session !== session) return false;';
const TAKES_NEXT = 'if (number !== known.proposal + 1) return false;';
const TAKEN = 'this.#establishedAt === null || known?.session !== session';

export const POOL_MUTANTS: readonly Mutant[] = [
  mutant('the window is half as long again', [WINDOW, 'at + WINDOW_MS', 'at + 1.5 * WINDOW_MS']),
  mutant('the window counts from when an echo was heard', [
    POOL,
    ECHOED,
    `if (echo !== null && echo.session === this.session) {
      this.window.round(-1, now);
      this.window.acked(-1);
    }`,
  ]),
  mutant('the window outlives the term', [POOL, 'if (isOther) this.window.forget();', '']),
  mutant('a server that acked is fenced too early', [
    FENCING,
    'FENCE_AFTER_ACK_MS = WINDOW_MS',
    'FENCE_AFTER_ACK_MS = 0.5 * WINDOW_MS',
  ]),
  mutant('a server that was not heard is fenced too early', [
    FENCING,
    'FENCE_UNHEARD_MS = 2 * WINDOW_MS',
    'FENCE_UNHEARD_MS = 0.2 * WINDOW_MS',
  ]),
  mutant(
    'an echo of another session counts',
    [POOL, ECHOED, 'if (echo !== null) this.window.echoed(echo.number);'],
    [LEADING, ' && newest.index === picture.peer(to).echo?.session;', ';'],
  ),
  mutant('an echo is given to a server that is fenced', [
    LEADING,
    "return newest?.type === 'returned' && newest.index === picture.peer(to).echo?.session;",
    'return newest !== undefined;',
  ]),
  mutant('an echo is given before an entry of the own term is committed', [
    LEADING,
    'if (this.#establishedAt === null || !window.isOpen(time.boot)) return false;',
    '',
  ]),
  mutant('ack times are kept across terms', [LEADING, 'this.#pool.picture.forget();', '']),
  mutant('the end of a key leaves out the drift of clocks', [
    'src/engine/key-table.ts',
    'heard + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS',
    'heard + lifetimeMs',
  ]),
  mutant('seats are opened without the drift of clocks', [
    FENCING,
    'timed.at + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS',
    'timed.at + lifetimeMs - 4_000',
  ]),
  mutant('seats are opened whatever their fence', [
    STATE,
    `${NOT_FENCED} return 'void';`,
    "if (known === undefined) return 'void';",
  ]),
  mutant('seats are opened by the new, shorter lifetime', [
    'src/engine/ledger/accounts.ts',
    'longest.set(server, Math.max(lifetimeMs, longest.get(server) ?? 0));',
    '',
  ]),
  mutant('a claim needs no fence', [
    STATE,
    `${NOT_FENCED} return false;`,
    'if (known === undefined) return false;',
  ]),
  mutant('a claim comes after the return', [
    STATE,
    `${NOT_FENCED} return false;`,
    'if (known === undefined || known.fence !== fence) return false;',
  ]),
  mutant('a key leaves a server twice', [
    STATE,
    'return this.moved.get(server, key.id) === undefined && ',
    'return ',
  ]),
  mutant('a key that came is not put into the table', [
    KEY_MOVES,
    'if (to === this.#pool.server) this.#issuer.adopt(license, key, time);',
    '',
  ]),
  mutant('a key that left stays in the table', [
    KEY_MOVES,
    'if (from === this.#pool.server) this.#drop(key.id);',
    '',
  ]),
  mutant('keys of opened seats stay in the table', [
    KEY_MOVES,
    'this.#dropAll(new Set(entry.licenses));',
    '',
  ]),
  small('keys that came are not made up for after a snapshot', [
    KEY_MOVES,
    'if (isHere && index > before && !isOpened) this.#move({ key, license, from, to }, time);',
    '',
  ]),
  small('keys that left are not made up for after a snapshot', [
    KEY_MOVES,
    'for (const { key } of state.moved.from(server)) this.#drop(key.id);',
    '',
  ]),
  mutant('a seat used for a claim is given to others meanwhile', [
    'src/engine/elsewhere.ts',
    "const outgoing = proposal.type === 'end' ? count : 0;",
    'const outgoing = 0;',
  ]),
  mutant('a server that was rolled back is accepted', [
    'src/engine/pool/peer-memory.ts',
    'if (!isSame && !isLater) {',
    'if (known.boot < 0) {',
  ]),
  mutant(
    'the number of a proposal is used again',
    [SERVERS, TAKES_NEXT, 'if (number > known.proposal + 1) return false;'],
    [LEADING, 'if (number !== next) continue;', ''],
  ),
  mutant(
    'the number of a proposal is skipped',
    [SERVERS, TAKES_NEXT, 'if (number <= known.proposal) return false;'],
    [LEADING, 'if (number !== next) continue;', 'if (number < next) continue;'],
  ),
  mutant(
    'proposals of an old session apply',
    [SERVERS, TAKES_SESSION, 'if (known === undefined) return false;'],
    [LEADING, TAKEN, 'this.#establishedAt === null || known === undefined'],
  ),
  mutant('what was proposed to another leader is not proposed again', [
    'src/engine/pool/proposals.ts',
    'this.#unsent = this.#pending[0]?.number ?? this.#next;',
    '',
  ]),
  mutant("another server's proposal is taken for one's own", [
    POOL,
    ' || entry.by.server !== this.server) return null;',
    ') return null;',
  ]),
  mutant('a return of an earlier start counts', [
    POOL,
    'if (entry.boot === boot) this.proposals.begin(index);',
    'if (boot > 0) this.proposals.begin(index);',
  ]),
  mutant('a leader issues before the log says that it returned', [
    POOL,
    'return !this.leads || this.#leading.mayIssue;',
    'return true;',
  ]),
  mutant(
    'the borrower gains before the lender gave',
    [LENDING, 'if (lender.isDead) this.#takeFromDead', 'if (lender.available) this.#takeFromDead'],
    [STATE, "if (!mayGive) return 'void';", ''],
  ),
  mutant(
    "a dead server's seats are lent before they are opened",
    [LENDING, 'isFenced(server) && isOpened && server', 'isFenced(server) && server'],
    [STATE, 'return (opened.get(server) ?? 0) > known.fence;', 'return true;'],
  ),
  mutant(
    'grants go on while seats are owed',
    ['src/engine/row.ts', ' && this.accounts.deficit === 0;', ';'],
    [
      'src/engine/issuer.ts',
      "row.phase === 'active' && row.accounts.deficit === 0",
      "row.phase === 'active'",
    ],
  ),
  mutant('nobody pays the deficit', [
    'src/engine/rows.ts',
    'const count = Math.min(row.accounts.deficit - row.outgoing, row.available);',
    'const count = Math.min(row.accounts.deficit, 0);',
  ]),
  mutant("the mark follows the leader's clock alone", [
    LEADING,
    'return readings[majority(configuration) - 1] ?? 0;',
    'return own;',
  ]),
];

type Change = readonly [file: string, find: string, replace: string];

function mutant(name: string, ...changes: readonly Change[]): Mutant {
  return { name, patches: changes.map(([file, find, replace]) => ({ file, find, replace })) };
}

/** With limits so small that snapshots are sent. */
function small(name: string, ...changes: readonly Change[]): Mutant {
  const patches: readonly Patch[] = mutant(name, ...changes).patches;
  return { name, patches: [...SMALL_LIMITS, ...patches] };
}
