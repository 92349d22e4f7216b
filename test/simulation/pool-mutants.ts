/** Defects of a pool that its simulator must find (DESIGN section 12), as changes to sources. */
import { type Patch, SMALL_LIMITS } from './copy.ts';
import type { Mutant } from './mutants.ts';

const LEADING = 'src/engine/pool/leading.ts';
const SERVERS = 'src/engine/ledger/servers.ts';
const KEY_MOVES = 'src/engine/key-moves.ts';

const TAKES_NEXT = 'if (number !== known.proposal + 1) return false;';

/** Found within few seeds. */
export const POOL_MUTANTS: readonly Mutant[] = [
  mutant('an echo is given to a server that is fenced', [
    LEADING,
    "return newest?.type === 'returned' && newest.index === picture.peer(to).echo?.session;",
    'return newest !== undefined;',
  ]),
  mutant('the end of a key leaves out the drift of clocks', [
    'src/engine/key-table.ts',
    'heard + lifetimeMs * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS',
    'heard + lifetimeMs',
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
  mutant(
    'the number of a proposal is used again',
    [SERVERS, TAKES_NEXT, 'if (number > known.proposal + 1) return false;'],
    [LEADING, 'if (number !== next) continue;', ''],
  ),
];

/** Found too, after more seeds. */
export const RARE_POOL_MUTANTS: readonly Mutant[] = [
  mutant('seats are opened by the new, shorter lifetime', [
    'src/engine/ledger/accounts.ts',
    'longest.set(server, Math.max(lifetimeMs, longest.get(server) ?? 0));',
    '',
  ]),
  mutant('keys of opened seats stay in the table', [
    KEY_MOVES,
    'this.#dropAll(new Set(entry.licenses));',
    '',
  ]),
];

type Change = readonly [file: string, find: string, replace: string];

export function mutant(name: string, ...changes: readonly Change[]): Mutant {
  return { name, patches: changes.map(([file, find, replace]) => ({ file, find, replace })) };
}

/** With limits so small that snapshots are sent. */
function small(name: string, ...changes: readonly Change[]): Mutant {
  const patches: readonly Patch[] = mutant(name, ...changes).patches;
  return { name, patches: [...SMALL_LIMITS, ...patches] };
}
