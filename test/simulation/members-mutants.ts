/**
 * Defects of membership that the simulator must find (DESIGN section 12), as changes to sources.
 * Those of Raft's own rules, two configurations with disjoint majorities among them, are found by
 * the simulator of Raft (test/raft/simulation/mutants.ts).
 */
import { mutant } from './pool-mutants.ts';

const MEMBERSHIP = 'src/engine/pool/membership.ts';
const LEADING = 'src/engine/pool/leading.ts';
const IS_LEFT = '(accounts.rows.get(server) ?? 0) > 0 && !state.isOpened(server, accounts)';
export const MEMBERS_MUTANTS = [
  mutant('a server leaves with keys that live', { from: 14, seedsMax: 60 }, [
    MEMBERSHIP,
    IS_LEFT,
    'accounts === undefined',
  ]),
  mutant(
    'a server that was removed comes back with its session',
    { from: 12, seedsMax: 60 },
    [
      MEMBERSHIP,
      "if (newest?.type !== 'fenced' || newest.index > state.applied) return false;",
      '',
    ],
    [MEMBERSHIP, IS_LEFT, 'accounts === undefined'],
    ['src/engine/ledger/departures.ts', '  servers.fenced(server, index);\n', ''],
    ['src/engine/ledger/departures.ts', '    opened.set(server, index);\n', ''],
  ),
  mutant('a server that left knows the secret', { from: 4, seedsMax: 20 }, [
    LEADING,
    '(isStale && !full)',
    '(isStale && full)',
  ]),
  mutant('new servers found a pool', { from: 1, seedsMax: 60 }, [
    'src/engine/ledger/ledger.ts',
    'return joins ? outside(founding, formatMax) : found(founding, formatMax);',
    'return joins === null ? outside(founding, formatMax) : found(founding, formatMax);',
  ]),
  mutant('an RLF counts before it is committed', { from: 1, seedsMax: 60 }, [
    'src/engine/offers.ts',
    'this.#offered = rlf;\n      this.#show(time);\n    } else if',
    'this.#offered = rlf;\n      this.#pool.state.members.follow(rlf, this.#pool.state.configuration);\n      this.#show(time);\n    } else if',
  ]),
  mutant(
    'an RLF of a lower sequence is accepted',
    { from: 4, seedsMax: 60 },
    [
      'src/engine/ledger/offer.ts',
      'return offered.sequence > current.sequence;',
      'return offered.sequence !== current.sequence;',
    ],
    [
      LEADING,
      'if (entry.sequence <= Math.max(this.#entered.rlf, this.#pool.state.rlf.sequence)) return;',
      '',
    ],
    [
      'src/engine/offers.ts',
      'if (offered.sequence <= this.#pool.state.rlf.sequence) {',
      'if (offered.sequence === this.#pool.state.rlf.sequence) {',
    ],
  ),
  mutant('a server is who has its name', { from: 16, seedsMax: 60 }, [
    'src/engine/ledger/members.ts',
    '    return this.#ids.has(server);',
    '    const name = this.#all.find(({ fingerprint }) => fingerprint === server)?.name;\n    return this.#ids.has(server) || this.#listed.some((one) => one.name === name);',
  ]),
];

/** Found too, after more seeds. */
export const RARE_MEMBERS_MUTANTS = [
  mutant(
    'a server on its way out is fenced though its window is open',
    { from: 1, seedsMax: 300 },
    [
      LEADING,
      'const stoppedAt = Math.max(this.#membership.windowEnd(server), unheardAt);',
      'const stoppedAt = this.#membership.windowEnd(server) - FENCE_AFTER_ACK_MS;',
    ],
  ),
  mutant('a server on its way out is echoed until it is fenced', { from: 1, seedsMax: 300 }, [
    MEMBERSHIP,
    'return this.#stopped.has(server);',
    'return server === undefined;',
  ]),
];
