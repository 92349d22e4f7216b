/**
 * Reads what a client sends into the messages of the protocol: types, sizes and bounds, so that
 * nothing past this point has to doubt them.
 */
import { versionProblem } from '../engine/license/version.ts';
import {
  ACT_CHARACTERS_MAX,
  APPLICATION_BYTES_MAX,
  COMMUTER_DAYS_MAX,
  HOLD_MS_MAX,
  HOLDER_CHARACTERS_MAX,
  MACHINE_CHARACTERS,
  NAME_CHARACTERS_MAX,
  PATIENCE_MS_MAX,
  RLF_PART_BYTES_MAX,
  SEATS_PER_REQUEST_MAX,
  SIGNATURE_CHARACTERS_MAX,
} from '../engine/limits.ts';
import { PLACE_BYTES_MAX } from '../engine/places.ts';
import { KEY_BYTES } from '../engine/seat-key.ts';
import { TICKET_BYTES_MAX } from '../engine/ticket.ts';
import {
  check,
  type Fields,
  isBytes,
  isBytesUpTo,
  isCount,
  isSequence,
  isText,
  isTextOrNull,
} from './field-checks.ts';
import { checkGreeting } from './peer-hello.ts';
import { type ClientRequest, type Hello, MessageType } from './protocol.ts';

const INSTANCE_BYTES = 16;
const NONCE_BYTES_MIN = 16;
const NONCE_BYTES_MAX = 64;

/** @throws LmError `protocol` that names the field. */
export function readHello(fields: Fields): Hello {
  check(fields[0] === MessageType.hello, 'the first message is a hello');
  sequenceOf(fields);
  check(isCount(fields[2]) && isCount(fields[3]), 'a hello gives a range of protocol versions');
  check(fields[4] === 'client' || fields[4] === 'peer', 'a role is client or peer');
  check(isTextOrNull(fields[5], NAME_CHARACTERS_MAX), 'a pool is a name or null');
  check(isText(fields[6], HOLDER_CHARACTERS_MAX), 'an agent is a text');
  check(isBytes(fields[7], INSTANCE_BYTES), 'an instance is 16 bytes');
  const holder = fields[8];
  check(Array.isArray(holder), 'a holder is user, host and pid');
  check(isText(holder[0], HOLDER_CHARACTERS_MAX), 'a user is a short text');
  check(isText(holder[1], HOLDER_CHARACTERS_MAX), 'a host is a short text');
  check(isCount(holder[2]), 'a pid is a number');
  if (fields[4] === 'peer') checkGreeting(fields[9]);
  return fields as unknown as Hello;
}

/** @throws LmError `protocol` that names the field. */
export function readClientMessage(fields: Fields): ClientRequest {
  sequenceOf(fields);
  switch (fields[0]) {
    case MessageType.request:
      checkRequest(fields);
      break;
    case MessageType.probe:
      checkWish(fields, 2);
      check((fields[6] ?? null) === null || isDays(fields[6]), 'days are a number, or null');
      break;
    case MessageType.heartbeat:
      checkHeld(fields);
      check(isIndex(fields[4]), 'a fence is a ledger index, or null');
      check(isFlagOrAbsent(fields[5]), 'taking over held seats is a flag, or null');
      break;
    case MessageType.release:
      checkHeld(fields);
      check(isIndex(fields[4]), 'an index is one of the ledger, or null');
      break;
    case MessageType.status:
      check(isTextOrNull(fields[2], APPLICATION_BYTES_MAX), 'an application is a text or null');
      check(isTextOrNull(fields[3], HOLDER_CHARACTERS_MAX), 'a user is a text or null');
      check(isTextOrNull(fields[4], HOLDER_CHARACTERS_MAX), 'a host is a text or null');
      check(fields[5] === null || isBytes(fields[5], KEY_BYTES), 'a cursor is an id or null');
      break;
    case MessageType.rlfGet:
      break;
    case MessageType.rlfPush:
      check(isCount(fields[2]) && isCount(fields[3]), 'a part has a place in its RLF');
      check(isBytesUpTo(fields[4], RLF_PART_BYTES_MAX), 'a part of an RLF is at most 48 KiB');
      check(typeof fields[5] === 'boolean', 'a trial is a flag');
      break;
    case MessageType.prove:
      check(isBytes(fields[2], KEY_BYTES), 'a key is 16 bytes');
      check(isNonce(fields[3]), 'a nonce is 16 to 64 bytes');
      break;
    case MessageType.act:
      check(isText(fields[2], ACT_CHARACTERS_MAX), 'an act is a text of at most 4096 characters');
      check(isText(fields[3], SIGNATURE_CHARACTERS_MAX), 'a signature is a short text');
      break;
    default:
      check(false, 'a message is of a type that this server knows');
  }
  return fields as unknown as ClientRequest;
}

function checkHeld(fields: Fields): void {
  check(isBytes(fields[2], KEY_BYTES), 'a key is 16 bytes');
  check(isBytesUpTo(fields[3], TICKET_BYTES_MAX), 'a ticket is bytes, as a grant gave them');
}

/** Clients of earlier versions send none. */
function isIndex(value: unknown): value is number | null | undefined {
  return value === undefined || value === null || isCount(value);
}

function isPlace(value: unknown): value is Uint8Array | null | undefined {
  return value === undefined || value === null || isBytesUpTo(value, PLACE_BYTES_MAX);
}

function isFlagOrAbsent(value: unknown): value is boolean | null | undefined {
  return value === undefined || value === null || typeof value === 'boolean';
}

function checkRequest(fields: Fields): void {
  const patienceMs = fields[7];
  const holdMs = fields[8];
  check(isBytes(fields[2], KEY_BYTES), 'a key is 16 bytes');
  checkWish(fields, 3);
  check(isCount(patienceMs) && patienceMs <= PATIENCE_MS_MAX, 'patience is a number of ms');
  check(isCount(holdMs) && holdMs <= HOLD_MS_MAX, 'a hold is a number of ms, at most 24 h');
  check(isPlace(fields[9]), 'a place in the line is bytes, as a server gave them, or null');
  check(isCommute(fields[10]), 'a commute is days and a machine, or null');
}

/** Vendor, application, version and count, from the field at `first` on. */
function checkWish(fields: Fields, first: number): void {
  const application = fields[first + 1];
  const version = fields[first + 2];
  const count = fields[first + 3];
  check(isTextOrNull(fields[first], NAME_CHARACTERS_MAX), 'a vendor is a name or null');
  check(isText(application, APPLICATION_BYTES_MAX), 'an application is a text');
  check(version === null || isVersion(version), 'a version is numbers joined by dots, or null');
  check(isCount(count) && count > 0 && count <= SEATS_PER_REQUEST_MAX, 'a count is 1 or more');
}

function sequenceOf(fields: Fields): void {
  check(isSequence(fields[1]), 'a sequence number has 32 bits');
}

function isDays(value: unknown): boolean {
  return isCount(value) && value > 0 && value <= COMMUTER_DAYS_MAX;
}

function isCommute(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (!Array.isArray(value)) return false;
  const [days, machine]: unknown[] = value;
  if (!isDays(days)) return false;
  return isText(machine, MACHINE_CHARACTERS) && machine.length === MACHINE_CHARACTERS;
}

function isVersion(value: unknown): value is string {
  return typeof value === 'string' && versionProblem(value) === null;
}

function isNonce(value: unknown): value is Uint8Array {
  return isBytesUpTo(value, NONCE_BYTES_MAX) && value.length >= NONCE_BYTES_MIN;
}
