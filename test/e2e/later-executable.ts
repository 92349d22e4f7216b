/**
 * A later version of lm, as an upgrade brings it: the same sources with protocol 2 and format 2, at
 * which they say and write what the version of now does not understand. Whoever says or writes it
 * too soon is found out: the earlier version closes the connection, the later one stops.
 */
import pjson from '../../package.json' with { type: 'json' };
import type { Patch } from '../simulation/copy.ts';
import { buildPatched, type PatchedExecutable } from './patched-executable.ts';

export const LATER_VERSION = '0.2.0-later';

/** Types of protocol 2 are those of before plus 200, and end with a field of their own. */
const LATER_FIELDS = `
const ADDED = 'added at protocol 2';
/** As protocol 2 has them. */
export function laterFields(fields: readonly unknown[], types: readonly number[]): unknown[] {
  const type = Number(fields[0]);
  return types.includes(type) ? [type + 200, ...fields.slice(1), ADDED] : [...fields];
}
/** Both protocols are read: whoever sends knows which one. */
export function earlierFields(fields: readonly unknown[], types: readonly number[]): Fields {
  const type = Number(fields[0]) - 200;
  if (!types.includes(type)) return fields;
  check(fields.at(-1) === ADDED, 'a message of protocol 2 has all its fields');
  return [type, ...fields.slice(1, -1)];
}
`;

const LATER_IMPORT = "import { earlierFields, laterFields } from './field-checks.ts';\n";

/** Reports and relays between servers; a client's requests and heartbeats. */
const PROTOCOL: readonly Patch[] = [
  patch('src/net/protocol.ts', 'PROTOCOL_MAX = 1', 'PROTOCOL_MAX = 2'),
  patch(
    'src/net/field-checks.ts',
    'export function isCount',
    `${LATER_FIELDS}\nexport function isCount`,
  ),
  patch(
    'src/net/peer-link.ts',
    'this.#queue.add(peerFields(message));',
    'const fields = peerFields(message);\n' +
      'this.#queue.add(this.#protocol >= 2 ? laterFields(fields, [101, 104]) : fields);',
  ),
  patch(
    'src/net/peer-link.ts',
    'import { FrameParser }',
    `${LATER_IMPORT.replace('earlierFields, ', '')}import { FrameParser }`,
  ),
  patch(
    'src/net/peer-codec.ts',
    "  check(isSequence(fields[1]), 'a sequence number has 32 bits');\n  switch",
    '  fields = earlierFields(fields, [101, 104]);\n  switch',
  ),
  patch(
    'src/net/peer-codec.ts',
    'import { readClientMessage }',
    `${LATER_IMPORT.replace(', laterFields', '')}import { readClientMessage }`,
  ),
  patch(
    'src/net/client/connection.ts',
    'const frame = encodeFrame(build(sequence));',
    'const built = build(sequence);\n' +
      'const frame = encodeFrame(this.protocol >= 2 ? laterFields(built, [10, 20]) : built);',
  ),
  patch(
    'src/net/client/connection.ts',
    'import { encodeFrame,',
    "import { laterFields } from '../field-checks.ts';\nimport { encodeFrame,",
  ),
  patch(
    'src/net/client-messages.ts',
    '  sequenceOf(fields);\n  switch',
    '  fields = earlierFields(fields, [10, 20]);\n  sequenceOf(fields);\n  switch',
  ),
  patch(
    'src/net/client-messages.ts',
    'import { checkGreeting }',
    `${LATER_IMPORT.replace(', laterFields', '')}import { checkGreeting }`,
  ),
];

/** A field more in the state, on disk and in snapshots, and one in the entry `mark`. */
const FORMAT: readonly Patch[] = [
  patch('src/engine/ledger/format.ts', 'FORMAT_MAX = 1', 'FORMAT_MAX = 2'),
  patch(
    'src/engine/ledger/state-records.ts',
    'return [...numbers, secrets.current, ...rest];',
    'return [...numbers, secrets.current, ...rest, ...(state.format.current >= 2 ? [2] : [])];',
  ),
  patch(
    'src/engine/ledger/state-records.ts',
    '  const [\n    applied,\n    term,',
    "  if (((record as unknown[])[12] === 2) !== state.format.current >= 2) throw new Error('a state of another format');\n" +
      '  const [\n    applied,\n    term,',
  ),
  patch(
    'src/engine/pool/leading.ts',
    "propose({ type: 'mark', time: reached });",
    "propose({ type: 'mark', time: reached, ...(state.format.current >= 2 ? { added: 2 } : {}) } as never);",
  ),
  patch(
    'src/engine/ledger/state.ts',
    'return this.#advanceMark(entry.time);',
    "assert(!('added' in entry) || this.format.current >= 2, 'an entry of format 2 came too soon');\n" +
      '        return this.#advanceMark(entry.time);',
  ),
  // So that a server that was away gets a snapshot.
  patch('src/engine/limits.ts', 'COMPACT_ENTRIES = 4_096', 'COMPACT_ENTRIES = 6'),
];

/** Builds it in a folder of its own. */
export async function buildLater(): Promise<PatchedExecutable> {
  const version = patch('package.json', `"${pjson.version}"`, `"${LATER_VERSION}"`);
  return await buildPatched([version, ...PROTOCOL, ...FORMAT]);
}

function patch(file: string, find: string, replace: string): Patch {
  return { file, find, replace };
}
