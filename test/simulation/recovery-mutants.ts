/**
 * Defects of a pool's restart from survivors that the simulator must find (DESIGN section 12), as
 * changes to sources. Where one guard of two is enough, both are taken away at once.
 */
import { mutant } from './pool-mutants.ts';

const EPOCHS = 'src/engine/ledger/epochs.ts';
const STATE = 'src/engine/ledger/state.ts';
const LEADING = 'src/engine/pool/leading.ts';
const PEERS = 'src/engine/pool/epoch-peers.ts';
const RESTARTING = 'src/engine/restarting.ts';
const SEEDS = { from: 1, seedsMax: 60 };

const AWAITED = 'state.awaited = isNone ? [] : [...voters, ...learners].sort();';

export const RECOVERY_MUTANTS = [
  mutant('the epoch is not raised', SEEDS, [EPOCHS, '  state.epoch = epoch;\n', '']),
  mutant('an epoch of before is as good', SEEDS, [
    PEERS,
    'return a === b || a === 0 || b === 0;',
    'return a === b || a > 0 || b > 0;',
  ]),
  mutant('terms go on where they were', SEEDS, [
    EPOCHS,
    'return epoch === 1 ? 0 : epoch * EPOCH_TERMS;',
    'return epoch * 0;',
  ]),
  mutant('a restart is done twice', { from: 57, seedsMax: 60 }, [
    'src/engine/ledger/ledger.ts',
    'restart !== null && restart.epoch > state.epoch ? restart : null',
    'restart !== null && restart.epoch >= state.epoch ? restart : null',
  ]),
  mutant('records are lost', { from: 7, seedsMax: 60 }, [
    EPOCHS,
    '  state.secrets.isStale = true;\n',
    '  state.secrets.isStale = true;\n  for (const held of [...state.held.values()]) {\n    const account = state.accounts.get(held.license);\n    if (account !== undefined) {\n      account.freePool += held.key.count;\n      account.records -= held.key.count;\n    }\n    state.held.delete(held);\n  }\n',
  ]),
  mutant('the lost know the secret', SEEDS, [EPOCHS, '  state.secrets.isStale = true;\n', '']),
  mutant('an act of an earlier epoch counts', SEEDS, [
    'src/engine/license/admin-act.ts',
    ' || epoch !== to.epoch',
    '',
  ]),
  mutant('servers of another epoch are heard', { from: 17, seedsMax: 20 }, [
    PEERS,
    'return isSameEpoch(this.#epochs.get(server) ?? 0, this.own);',
    'return this.#epochs.get(server) !== null;',
  ]),
  mutant(
    'servers return before all that were granted before has ended',
    { from: 26, seedsMax: 30 },
    [STATE, "        if (this.awaited.length > 0) return 'void';\n", ''],
    [LEADING, ' || state.awaited.length > 0', ''],
  ),
  mutant('nobody of before is awaited', { from: 6, seedsMax: 30 }, [
    EPOCHS,
    AWAITED,
    'state.awaited = [];',
  ]),
  mutant('where nobody knows of a license nobody is awaited', { from: 252, seedsMax: 4 }, [
    EPOCHS,
    ' && readRlf(text).licenses.length === 0',
    '',
  ]),
  mutant('of who is awaited only known rows keep their lifetime', { from: 252, seedsMax: 4 }, [
    STATE,
    '[...accounts.rows.keys(), ...this.awaited]',
    '[...accounts.rows.keys()]',
  ]),
  mutant('the rows of the lost do not pass on', SEEDS, [EPOCHS, '  settleRows(state);\n', '']),
  mutant('the accounts are founded anew', SEEDS, [
    EPOCHS,
    '[...voters, ...learners].sort();\n  return true;',
    '[...voters, ...learners].sort();\n  state.accounts.clear();\n  return true;',
  ]),
  mutant('the keys of the survivors are lost', { from: 4, seedsMax: 60 }, [
    'src/engine/core.ts',
    '    this.#keys.recover(source, time.boot);\n',
    '    if (pool.ledger.restart === null) this.#keys.recover(source, time.boot);\n',
  ]),
  mutant('whoever was fenced before is not fenced anew', { from: 12, seedsMax: 20 }, [
    EPOCHS,
    'state.servers.fencedAnew(server, index)',
    'state.servers.fenced(server, index)',
  ]),
  mutant('seats are opened by the lifetime of now', { from: 41, seedsMax: 20 }, [
    'src/engine/pool/fencing.ts',
    'longestMs(account, server, lifetimeAt(table.byId(account.license), mark))',
    'lifetimeAt(table.byId(account.license), mark)',
  ]),
  mutant('a majority of the survivors is enough', { from: 50, seedsMax: 20 }, [
    EPOCHS,
    'learners: [], unanimous: true }',
    'learners: [] }',
  ]),
  mutant('the RLF is not asked whom it names', { from: 19, seedsMax: 30 }, [
    RESTARTING,
    'if (!rlf.servers.some(({ fingerprint }) => fingerprint === server)) throw notNamed(rlf);',
    '',
  ]),
  mutant('a server restarts the pool while a leader is heard', { from: 14, seedsMax: 20 }, [
    RESTARTING,
    'if (leader !== null) throw leaderHeard(this.#pool.nameOf(leader));',
    '',
  ]),
];

/** They do no harm by themselves, since something else stands beside them: not looked for. */
export const GUARDED_RECOVERY_MUTANTS = [
  // The survivors are awaited for the same lifetime, but where only the lost may have a longer one.
  mutant('the keys of the lost are not awaited', SEEDS, [
    EPOCHS,
    AWAITED,
    'state.awaited = isNone ? [] : survivorsIn(text);',
  ]),
  // They come back with them, as if heard at their start; and the lost are awaited as long.
  mutant('the keys of the survivors are not awaited', SEEDS, [
    EPOCHS,
    AWAITED,
    'state.awaited = [...voters, ...learners].filter((id) => !survivorsIn(text).includes(id)).sort();',
  ]),
  // Its RLF does not follow itself, and whoever leads finds it in the log.
  mutant('an epoch is entered again', SEEDS, [EPOCHS, 'epoch <= state.epoch || ', '']),
  // What was evicted has ended like all of before once anything is renewed; records end at once.
  mutant('evictions are lost', SEEDS, [
    EPOCHS,
    '  state.secrets.isStale = true;\n',
    '  state.secrets.isStale = true;\n  state.evicted.clear();\n',
  ]),
  // Clients claim only while their lifetime runs, and tickets of before are known (elsewhere.ts).
  mutant('a ticket of a seat that was opened counts', SEEDS, [
    STATE,
    '    if ((accounts.opened.get(server) ?? 0) > fence) return false;\n',
    '',
  ]),
];
