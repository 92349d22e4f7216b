/** Ledger entries and configurations on the wire, and back. */
import { PEER_ENTRY_BYTES_MAX } from '../engine/limits.ts';
import { RAFT_LIMITS } from '../engine/raft/options.ts';
import type { Configuration, Entry, ServerId } from '../engine/raft/types.ts';
import { check } from './field-checks.ts';
import { readBytes, readCount, readList, readServerId } from './peer-fields.ts';

const EntryKind = { noOp: 0, configuration: 1, data: 2 } as const;

/** [kind, index, term], and the configuration or the data of those that have one. */
export function entryFields(entry: Entry): unknown[] {
  const { index, term } = entry;
  switch (entry.kind) {
    case 'no-op':
      return [EntryKind.noOp, index, term];
    case 'configuration':
      return [EntryKind.configuration, index, term, configurationFields(entry.configuration)];
    case 'data':
      return [EntryKind.data, index, term, entry.data];
  }
}

/** @throws LmError `protocol` */
export function readEntries(value: unknown): Entry[] {
  const list = readList(value, RAFT_LIMITS.entriesPerMessageMax, 'what is appended');
  return list.map(readEntry);
}

function readEntry(value: unknown): Entry {
  const fields = readList(value, ENTRY_FIELDS_MAX, 'an entry');
  const index = readCount(fields[1], 'an index');
  const term = readCount(fields[2], 'a term');
  switch (fields[0]) {
    case EntryKind.noOp:
      return { kind: 'no-op', index, term };
    case EntryKind.configuration:
      return { kind: 'configuration', index, term, configuration: readConfiguration(fields[3]) };
    default: {
      check(fields[0] === EntryKind.data, 'an entry is of a kind that this server knows');
      const data = readBytes(fields[3], PEER_ENTRY_BYTES_MAX, 'the data of an entry');
      return { kind: 'data', index, term, data };
    }
  }
}

/** Room for fields that later versions may add. */
const ENTRY_FIELDS_MAX = 8;

export function configurationFields({ voters, learners }: Configuration): unknown[] {
  return [voters, learners];
}

/** @throws LmError `protocol` */
export function readConfiguration(value: unknown): Configuration {
  const [first, second] = readList(value, ENTRY_FIELDS_MAX, 'a configuration');
  const voters = readServers(first);
  const learners = readServers(second);
  const all = new Set([...voters, ...learners]);
  check(all.size === voters.length + learners.length, 'nobody is in a configuration twice');
  check(
    all.size <= RAFT_LIMITS.serversMax,
    'a configuration names no more servers than a pool has',
  );
  return { voters, learners };
}

function readServers(value: unknown): ServerId[] {
  const servers = readList(value, RAFT_LIMITS.serversMax, 'what a configuration names').map(
    (server) => readServerId(server, 'a server'),
  );
  const sorted = servers.every((server, at) => at === 0 || (servers[at - 1] ?? '') < server);
  check(sorted, 'the servers of a configuration are in order');
  return servers;
}
