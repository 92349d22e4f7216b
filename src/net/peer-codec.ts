/**
 * What servers of a pool say to each other, on the wire and back: [type, 0, ...fields]. Nothing is
 * taken on trust, though a peer's key was found to be one of the pool's: a defect there must not
 * become one here.
 */
import { LmError } from '../engine/errors.ts';
import {
  HOLDER_CHARACTERS_MAX,
  NAME_CHARACTERS_MAX,
  PEER_BODY_BYTES_MAX,
  PEER_TEXT_CHARACTERS_MAX,
  RLF_BYTES_MAX,
} from '../engine/limits.ts';
import type { CoreMessage, Heartbeat, Release } from '../engine/messages.ts';
import type { PeerMessage, RelayedClient } from '../engine/peer-messages.ts';
import { ID_BYTES, idBytes, idText } from '../engine/seat-key.ts';
import { readClientMessage } from './client-messages.ts';
import { check, type Fields, isCount, isSequence } from './field-checks.ts';
import { readBytes, readCount, readId, readList, readServerId, readText } from './peer-fields.ts';
import { MessageType, PROTOCOL_MIN } from './protocol.ts';
import { type Ends, raftFields, readRaftMessage } from './raft-codec.ts';

export const PeerType = {
  raft: 100,
  report: 101,
  word: 108,
  offer: 102,
  transfer: 103,
  relay: 104,
  relayed: 105,
  refused: 106,
  evict: 107,
  rotateSecret: 109,
  /** Of the link itself; they never reach the core. */
  ping: 110,
  pong: 111,
} as const;

/**
 * The protocol that a kind of message came with, where that is a later one than the first: it is
 * not said to a server that speaks an earlier one, which would not know it.
 */
const SINCE: Readonly<Partial<Record<PeerMessage['type'], number>>> = {};

/** Whether a server with which that protocol was agreed on knows this kind of message. */
export function isSpoken({ type }: PeerMessage, protocol: number): boolean {
  return protocol >= (SINCE[type] ?? PROTOCOL_MIN);
}

export function peerFields(message: PeerMessage): unknown[] {
  switch (message.type) {
    case 'raft':
      return [PeerType.raft, 0, raftFields(message.message)];
    case 'report':
      return [PeerType.report, 0, message.body];
    case 'word':
      return [PeerType.word, 0, message.body];
    case 'offer':
      return [PeerType.offer, 0, message.text];
    case 'transfer':
      return [PeerType.transfer, 0, message.to];
    case 'relay': {
      const { origin, to, number, client } = message;
      const { instance, user, host, pid, address } = client;
      const who = [idBytes(instance), user, host, pid, address];
      return [PeerType.relay, 0, origin, to, number, who, packable(message.message)];
    }
    case 'relayed':
      return [PeerType.relayed, 0, message.to, message.number, packable(message.message)];
    case 'refused':
      return [PeerType.refused, 0, message.code, message.message, message.hint, message.boot];
    case 'rotate-secret':
      return [PeerType.rotateSecret, 0];
    case 'evict':
      return [PeerType.evict, 0, message.id, message.force];
  }
}

/** @throws LmError `protocol` that names the field. */
export function readPeerMessage(fields: Fields, ends: Ends): PeerMessage {
  check(isSequence(fields[1]), 'a sequence number has 32 bits');
  switch (fields[0]) {
    case PeerType.raft:
      return { type: 'raft', message: readRaftMessage(fields[2], ends) };
    case PeerType.report:
      return { type: 'report', body: readBytes(fields[2], PEER_BODY_BYTES_MAX, 'a report') };
    case PeerType.word:
      return { type: 'word', body: readBytes(fields[2], PEER_BODY_BYTES_MAX, 'a word') };
    case PeerType.offer:
      return { type: 'offer', text: readText(fields[2], RLF_BYTES_MAX, 'an RLF') };
    case PeerType.transfer:
      return { type: 'transfer', to: readServerId(fields[2], 'who is to lead') };
    case PeerType.relay:
      return readRelay(fields);
    case PeerType.relayed:
      return readRelayed(fields);
    case PeerType.refused:
      return readRefused(fields);
    case PeerType.rotateSecret:
      return { type: 'rotate-secret' };
    case PeerType.evict:
      return {
        type: 'evict',
        id: readId(fields[2], ID_BYTES, 'an id'),
        force: fields[3] === true,
      };
    default:
      throw unknownType(fields[0]);
  }
}

type Of<Type extends PeerMessage['type']> = Extract<PeerMessage, { readonly type: Type }>;

function readRelay([, , from, receiver, counted, client, relayed]: Fields): Of<'relay'> {
  const origin = readServerId(from, 'an origin');
  const to = readServerId(receiver, 'a receiver');
  const number = readCount(counted, 'a number');
  const fields = readList(relayed, CLIENT_FIELDS_MAX, 'what is relayed');
  const isRelayable = fields[0] === MessageType.heartbeat || fields[0] === MessageType.release;
  check(isRelayable, 'only heartbeats and releases are relayed');
  const message = ownBytes(readClientMessage(fields)) as Heartbeat | Release;
  return { type: 'relay', origin, to, number, client: readClient(client), message };
}

function readClient(value: unknown): RelayedClient {
  const [instance, user, host, pid, address] = readList(value, CLIENT_FIELDS_MAX, 'a client');
  return {
    instance: idText(readId(instance, ID_BYTES, 'an instance')),
    user: readText(user, HOLDER_CHARACTERS_MAX, 'a user'),
    host: readText(host, HOLDER_CHARACTERS_MAX, 'a host'),
    pid: readCount(pid, 'a pid'),
    address: readText(address, HOLDER_CHARACTERS_MAX, 'an address'),
  };
}

/** The answer goes to a client as it is, which checks it in full; its number finds the client. */
function readRelayed([, , receiver, counted, relayed]: Fields): Of<'relayed'> {
  const to = readServerId(receiver, 'a receiver');
  const number = readCount(counted, 'a number');
  const fields = readList(relayed, CLIENT_FIELDS_MAX, 'an answer');
  check(isCount(fields[0]) && isSequence(fields[1]), 'an answer has a type and a number');
  return { type: 'relayed', to, number, message: ownBytes(fields) as unknown as CoreMessage };
}

/** Room for fields that later versions may add. */
const CLIENT_FIELDS_MAX = 16;

function readRefused([, , code, message, hint, boot]: Fields): Of<'refused'> {
  return {
    type: 'refused',
    boot: readCount(boot, 'a boot'),
    code: readText(code, NAME_CHARACTERS_MAX, 'a code'),
    message: readText(message, PEER_TEXT_CHARACTERS_MAX, 'a message'),
    hint: readText(hint, PEER_TEXT_CHARACTERS_MAX, 'a hint'),
  };
}

/** A field left out is none of MessagePack's types. */
function packable(message: Fields): unknown[] {
  return message.map((field) => field ?? null);
}

function ownBytes(fields: Fields): unknown[] {
  return fields.map((field) => (field instanceof Uint8Array ? new Uint8Array(field) : field));
}

function unknownType(type: unknown): LmError {
  return new LmError(
    'protocol',
    `A server of the pool sent a message of a type that this one does not know (${shown(type)}).`,
    'Update the older of the two.',
  );
}

function shown(type: unknown): string {
  return typeof type === 'number' ? String(type) : typeof type;
}
