/** Defects of upgrades that the simulator must find (DESIGN section 12), as changes to sources. */
import { mutant, small } from './pool-mutants.ts';

const UPGRADE = 'src/engine/pool/upgrade.ts';

export const UPGRADE_MUTANTS = [
  mutant(
    'the leader raises the format without asking whether all understand it',
    { from: 1, seedsMax: 20 },
    [UPGRADE, 'if (available !== null && available > current) return available;', 'return newest;'],
  ),
  mutant('a server that is down understands whatever the others do', { from: 1, seedsMax: 60 }, [
    UPGRADE,
    'formats.every((format) => format !== undefined) ? Math.min(...formats) : null',
    'Math.min(...formats.filter((format) => format !== undefined))',
  ]),
  small('a server goes on with a format that it does not understand', { from: 26, seedsMax: 60 }, [
    'src/engine/ledger/format.ts',
    'if (format >= FORMAT_MIN && format <= max) return;',
    'if (format >= FORMAT_MIN || format <= max) return;',
  ]),
  small('a snapshot does not say its format', { from: 4, seedsMax: 60 }, [
    'src/engine/ledger/state-records.ts',
    '    state.format.current,\n',
    '',
  ]),
  mutant('a server forgets the format as it starts', { from: 1, seedsMax: 20 }, [
    'src/engine/ledger/format.ts',
    'return value === null ? FIRST : Number(read(value));',
    'return value === null ? FIRST : FIRST;',
  ]),
  mutant('a later start of a server goes on from anything', { from: 95, seedsMax: 60 }, [
    'src/engine/pool/peer-memory.ts',
    'return start === known.start && next >= known.transaction;',
    'return start === known.start || next >= 0 || transaction >= known.transaction;',
  ]),
];
