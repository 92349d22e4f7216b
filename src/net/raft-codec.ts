/**
 * Raft's messages on the wire, and back: [kind, term, ...fields]. Who sends and who receives is not
 * in them: that is known of the connection, and can't be claimed.
 */
import { PEER_BODY_BYTES_MAX } from '../engine/limits.ts';
import { isWellFormed, type Message, type RefusalReason } from '../engine/raft/messages.ts';
import { RAFT_LIMITS } from '../engine/raft/options.ts';
import type { ServerId } from '../engine/raft/types.ts';
import { check, type Fields } from './field-checks.ts';
import { readBytes, readCount, readFlag, readList, readServerId } from './peer-fields.ts';
import {
  configurationFields,
  entryFields,
  readConfiguration,
  readEntries,
} from './raft-entry-codec.ts';

/** The two ends of a connection, as its keys prove them. */
export interface Ends {
  readonly from: ServerId;
  readonly to: ServerId;
}

const KINDS: readonly Message['type'][] = [
  'heartbeat',
  'append',
  'snapshot',
  'heartbeat-ack',
  'append-ack',
  'snapshot-ack',
  'pre-vote',
  'pre-vote-reply',
  'vote',
  'vote-reply',
  'timeout-now',
  'leader-check',
  'objected',
];

const REASONS: readonly RefusalReason[] = ['leader-heard', 'term-behind', 'log-behind'];

/** Room for fields that later versions may add. */
const FIELDS_MAX = 16;

export function raftFields(message: Message): unknown[] {
  return [KINDS.indexOf(message.type), message.term, ...bodyFields(message)];
}

function bodyFields(message: Message): unknown[] {
  switch (message.type) {
    case 'heartbeat':
      return [...attached(message), message.commit];
    case 'append': {
      const { previousIndex, previousTerm, entries, commit } = message;
      return [...attached(message), previousIndex, previousTerm, entries.map(entryFields), commit];
    }
    case 'snapshot': {
      const { index, indexTerm, configuration, offset, totalBytes, data } = message;
      const place = [index, indexTerm, configurationFields(configuration), offset, totalBytes];
      return [...attached(message), ...place, data];
    }
    case 'heartbeat-ack':
      return attached(message);
    case 'append-ack': {
      const { accepted, index, hintIndex, hintTerm } = message;
      return [...attached(message), accepted, index, hintIndex, hintTerm];
    }
    case 'snapshot-ack':
      return [...attached(message), message.index, message.offset];
    case 'pre-vote':
      return [message.lastIndex, message.lastTerm];
    case 'vote':
      return [message.lastIndex, message.lastTerm, message.transfer];
    case 'pre-vote-reply': {
      const { granted, reason, leader } = message;
      return [granted, reason === null ? null : REASONS.indexOf(reason), leader];
    }
    case 'vote-reply':
      return [message.granted];
    case 'objected':
      return [message.candidate];
    case 'timeout-now':
    case 'leader-check':
      return [];
  }
}

function attached(message: { readonly round: number; readonly attachment: Uint8Array | null }) {
  return [message.round, message.attachment];
}

/** @throws LmError `protocol` that names the field. */
export function readRaftMessage(value: unknown, ends: Ends): Message {
  const fields = readList(value, FIELDS_MAX, 'a message of Raft');
  const type = KINDS[readCount(fields[0], 'a kind')];
  check(type !== undefined, 'a message of Raft is of a kind that this server knows');
  const term = readCount(fields[1], 'a term');
  const message = readBody(type, fields.slice(2), { from: ends.from, to: ends.to, term });
  check(isWellFormed(message), 'the numbers of a message go together');
  return message;
}

type Envelope = Ends & { readonly term: number };

function readBody(type: Message['type'], fields: Fields, envelope: Envelope): Message {
  switch (type) {
    case 'pre-vote':
      return { type, ...envelope, ...readCandidacy(fields) };
    case 'vote': {
      const transfer = readFlag(fields[2], 'whether the leader asked for a vote');
      return { type, ...envelope, ...readCandidacy(fields), transfer };
    }
    case 'pre-vote-reply': {
      const leader = fields[2] === null ? null : readServerId(fields[2], 'a leader');
      return {
        type,
        ...envelope,
        granted: readGranted(fields),
        reason: readReason(fields),
        leader,
      };
    }
    case 'vote-reply':
      return { type, ...envelope, granted: readGranted(fields) };
    case 'objected':
      return { type, ...envelope, candidate: readServerId(fields[0], 'a candidate') };
    case 'timeout-now':
    case 'leader-check':
      return { type, ...envelope };
    default:
      return readAttached(type, fields, envelope);
  }
}

type AttachedType =
  | 'heartbeat'
  | 'append'
  | 'snapshot'
  | 'heartbeat-ack'
  | 'append-ack'
  | 'snapshot-ack';

function readAttached(type: AttachedType, fields: Fields, envelope: Envelope): Message {
  const round = readCount(fields[0], 'a round');
  const attachment =
    fields[1] === null ? null : readBytes(fields[1], PEER_BODY_BYTES_MAX, 'an attachment');
  const common = { ...envelope, round, attachment };
  const [, , first, second, third, fourth] = fields;
  switch (type) {
    case 'heartbeat':
      return { type, ...common, commit: readCount(first, 'a commit') };
    case 'append': {
      const previousIndex = readCount(first, 'an index');
      const previousTerm = readCount(second, 'a term');
      const entries = readEntries(third);
      const commit = readCount(fourth, 'a commit');
      return { type, ...common, previousIndex, previousTerm, entries, commit };
    }
    case 'snapshot':
      return { type, ...common, ...readPiece(fields.slice(2)) };
    case 'heartbeat-ack':
      return { type, ...common };
    case 'append-ack': {
      const accepted = readFlag(first, 'an ack');
      const index = readCount(second, 'an index');
      const hintIndex = readCount(third, 'an index');
      return { type, ...common, accepted, index, hintIndex, hintTerm: readCount(fourth, 'a term') };
    }
    case 'snapshot-ack': {
      const offset = readCount(second, 'an offset');
      return { type, ...common, index: readCount(first, 'an index'), offset };
    }
  }
}

function readPiece([index, indexTerm, configuration, offset, totalBytes, data]: Fields) {
  const piece = {
    index: readCount(index, 'an index'),
    indexTerm: readCount(indexTerm, 'a term'),
    configuration: readConfiguration(configuration),
    offset: readCount(offset, 'an offset'),
    totalBytes: readCount(totalBytes, 'a size'),
    data: readBytes(data, RAFT_LIMITS.snapshotChunkBytes, 'a piece of a snapshot'),
  };
  check(piece.totalBytes <= RAFT_LIMITS.snapshotBytesMax, 'a snapshot is not too large');
  return piece;
}

function readCandidacy([lastIndex, lastTerm]: Fields) {
  return {
    lastIndex: readCount(lastIndex, 'an index'),
    lastTerm: readCount(lastTerm, 'a term'),
  };
}

function readGranted(fields: Fields): boolean {
  return readFlag(fields[0], 'a vote');
}

function readReason(fields: Fields): RefusalReason | null {
  if (fields[1] === null) return null;
  const reason = REASONS[readCount(fields[1], 'a reason')];
  check(reason !== undefined, 'a refusal has a reason that this server knows');
  return reason;
}
