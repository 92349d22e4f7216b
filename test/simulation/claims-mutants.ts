/**
 * Defects of claims (DESIGN sections 7 and 12), looked for in simulations that are all about claims
 * which are held up: pool/claims-options.ts. A seat that is claimed where its client waits, and is
 * granted there a second time: test/scenarios/claimed-by-one-who-waits.txt.
 */
import type { Patch } from './copy.ts';
import type { Mutant } from './mutant.ts';
import { mutant, small } from './pool-mutants.ts';

const ELSEWHERE = 'src/engine/elsewhere.ts';
const KEY_MOVES = 'src/engine/key-moves.ts';
const STATE = 'src/engine/ledger/state.ts';

/** What a claim has to quote. */
const QUOTES = 'if ((message[4] ?? null) !== fence) {';
/** What has to be so where what is proposed for it is applied. */
const LEAVES =
  'if (known === undefined || known.fence !== fence || known.session !== null) return false;';

/** All of them are about claims: held up, or as they come. */
const HELD_UP: readonly Patch[] = among(1);
const AS_THEY_COME: readonly Patch[] = among(0);
/** And what servers say to each other may come when the one that said it was fenced, and is back. */
const LATE: readonly Patch[] = [
  ...AS_THEY_COME,
  {
    file: 'test/simulation/pool/claims-options.ts',
    find: 'slowMs: random.pick([600, 3_000])',
    replace: 'slowMs: random.pick([9_000])',
  },
];

function among(heldUp: number): Patch[] {
  const options = 'test/simulation/pool/options.ts';
  const claims = 'test/simulation/pool/claims-options.ts';
  return [
    { file: options, find: 'const CLAIMS = 0.15;', replace: 'const CLAIMS = 1;' },
    { file: claims, find: 'const HELD_UP = 0.5;', replace: `const HELD_UP = ${heldUp};` },
  ];
}

/** Found within few seeds. */
export const CLAIMS_MUTANTS: readonly Mutant[] = [
  asTheyCome(
    mutant('a server has echoes until its fence is committed', { from: 52, seedsMax: 60 }, [
      'src/engine/pool/leading.ts',
      `    const newest = this.#ahead.newest(to, state);
    return newest?.type === 'returned' && newest.index === picture.peer(to).echo?.session;`,
      `    const session = state.servers.get(to)?.session ?? null;
    return session !== null && session === picture.peer(to).echo?.session;`,
    ]),
  ),
  asTheyCome(
    mutant(
      'a server returns by what is applied, not by the end of the log',
      { from: 2, seedsMax: 9 },
      [
        'src/engine/pool/leading.ts',
        `    const newest = this.#ahead.newest(server, state);
    const fence =`,
        `    const newest = new Ahead().newest(server, state);
    const fence =`,
      ],
    ),
  ),
  late(
    mutant(
      'proposals of an old session are taken',
      { from: 19, seedsMax: 60 },
      [
        'src/engine/ledger/servers.ts',
        'if (known === undefined || known.session !== session) return false;',
        'if (known === undefined) return false;',
      ],
      [
        'src/engine/pool/leading.ts',
        'if (this.#establishedAt === null || known?.session !== session) return;',
        'if (this.#establishedAt === null || known === undefined) return;',
      ],
    ),
  ),
  heldUp(
    mutant('a claim that quotes no fence is taken', { from: 3, seedsMax: 60 }, [
      ELSEWHERE,
      QUOTES,
      "if (typeof message[4] === 'number' && message[4] !== fence) {",
    ]),
  ),
  heldUp(
    mutant(
      'the end of a key is proposed before the fence, and applies',
      { from: 89, seedsMax: 60 },
      [
        ELSEWHERE,
        'if (known !== undefined && known.session === null && known.fence !== null) {',
        'if (known !== undefined && !this.#pool.isUp(server)) {',
      ],
      [ELSEWHERE, 'if (since > known.fence) return', 'if (since > (known.fence ?? since)) return'],
      [ELSEWHERE, 'server, fence: known.fence };', 'server, fence: known.fence ?? 0 };'],
      [STATE, LEAVES, 'if (known === undefined || (known.fence ?? 0) !== fence) return false;'],
    ),
  ),
];

/** Found too, after more seeds. */
export const RARE_CLAIMS_MUTANTS: readonly Mutant[] = [
  heldUp(
    mutant('a claim that quotes an older fence is taken', { from: 6, seedsMax: 60 }, [
      ELSEWHERE,
      QUOTES,
      "if (typeof message[4] !== 'number') {",
    ]),
  ),
  heldUp(
    mutant('a claim of an older fence applies', { from: 55, seedsMax: 300 }, [
      STATE,
      LEAVES,
      'if (known === undefined || known.session !== null) return false;',
    ]),
  ),
  heldUp(
    mutant('a claim applies after the return', { from: 333, seedsMax: 60 }, [
      STATE,
      LEAVES,
      'if (known === undefined || known.fence !== fence) return false;',
    ]),
  ),
  heldUp(
    small('keys that came are not made up for after a snapshot', { from: 101, seedsMax: 300 }, [
      KEY_MOVES,
      'if (isHere && index > before && !isOpened) this.#move({ key, license, from, to }, time);',
      '',
    ]),
  ),
];

function asTheyCome({ patches, ...rest }: Mutant): Mutant {
  return { ...rest, patches: [...AS_THEY_COME, ...patches] };
}

function late({ patches, ...rest }: Mutant): Mutant {
  return { ...rest, patches: [...LATE, ...patches] };
}

function heldUp({ patches, ...rest }: Mutant): Mutant {
  return { ...rest, patches: [...HELD_UP, ...patches] };
}
