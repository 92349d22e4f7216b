/**
 * Defects of commuting that the simulator of pools must find (DESIGN section 12). A seat that was
 * checked in and leaves again by a late entry: test/engine/commuting.test.ts.
 */
import type { Mutant } from './mutant.ts';
import { mutant, small } from './pool-mutants.ts';

const RECORDING = 'src/engine/ledger/recording.ts';

/** Found within few seeds. */
export const COMMUTER_MUTANTS: readonly Mutant[] = [
  small(
    'a commuted seat comes back when it is checked in, and again at its end',
    { from: 7, seedsMax: 60 },
    [
      RECORDING,
      '  state.held.delete(held);\n  if (held.commute !== null) state',
      '  if (held.commute === null) state.held.delete(held);\n  if (held.commute !== null) state',
    ],
  ),
  small('a commuted seat comes back at its end by the fastest clock', { from: 17, seedsMax: 60 }, [
    'src/engine/ledger/held-seats.ts',
    'commute.end + COMMUTER_SKEW_MS <= mark',
    'commute.end <= mark',
  ]),
  small('a file is valid after its end', { from: 7, seedsMax: 60 }, [
    'test/simulation/pool/commuted-seat.ts',
    'this.#client.clock + this.#end - wall',
    'this.#client.clock + this.#end + 60_000 - wall',
  ]),
  small('records are left out of snapshots', { from: 2, seedsMax: 60 }, [
    'src/engine/ledger/state-records.ts',
    '[...state.held.values()].sort(byId).map(heldRecord)',
    '[]',
  ]),
  mutant('the end of a commute is lost at a start', { from: 7, seedsMax: 60 }, [
    'src/engine/ledger/held-seats.ts',
    '  return [...fields, [commute.end, commute.days, commute.machine, writtenOff]];',
    '  return fields;',
  ]),
];

/** Found too, after more seeds. */
export const RARE_COMMUTER_MUTANTS: readonly Mutant[] = [
  mutant('a server that lags behind says that a seat is back', { from: 1, seedsMax: 300 }, [
    'src/engine/holds.ts',
    'index > this.#pool.state.applied',
    'index < 0',
  ]),
];
