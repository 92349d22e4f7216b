/** DESIGN section 6: a fenced server's seats are opened once no key of it can live any more. */
import { expect, test } from 'bun:test';
import type { Entry } from '../../src/engine/ledger/entries.ts';
import { LedgerState } from '../../src/engine/ledger/state.ts';
import { CLOCK_DRIFT_MAX, MARGIN_MS } from '../../src/engine/limits.ts';
import { Openings } from '../../src/engine/pool/fencing.ts';
import { fingerprintOf, makeRlf } from './sample-rlf.ts';

const B = fingerprintOf(1);
const LIFETIME_MS = 60_000;
const BEGUN = 1_000;

test('nothing is opened before the pool knows by a mark which codes hold', () => {
  // As survivors of a lost majority have it, who had no mark yet: the code began long ago.
  const codes = [{ notBefore: BEGUN, keyLifetimeMs: LIFETIME_MS }];
  const state = LedgerState.found(makeRlf({ servers: ['A', 'B'], codes }));
  const apply = (entry: Entry) => {
    const { applied, term } = state;
    expect(state.apply({ index: applied + 1, term, entry }, null).valid).toBe(true);
  };
  const { sequence, digest, text } = makeRlf({ sequence: 2, servers: ['A', 'B'], codes });
  apply({ type: 'rlf', sequence, digest, text });
  apply({ type: 'fenced', server: B });
  const openings = new Openings();
  openings.fenced(B, state.applied, 0);
  expect([...state.accounts.keys()]).toHaveLength(1);
  expect(openings.due(B, state, 10 * LIFETIME_MS)).toEqual([]);
  apply({ type: 'mark', time: BEGUN });
  openings.changed();
  const over = LIFETIME_MS * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS;
  expect(openings.due(B, state, over - 1)).toEqual([]);
  openings.changed();
  expect(openings.due(B, state, over)).toEqual([...state.accounts.keys()]);
});
