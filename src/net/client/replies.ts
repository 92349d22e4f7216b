/** Reads what a server sends. A server is trusted with seats, not with memory: all is checked. */
import { isErrorCode, LmError } from '../../engine/errors.ts';
import { SERVERS_MAX, STATUS_PAGE_MAX } from '../../engine/limits.ts';
import { MessageType, type ServerMessage } from '../protocol.ts';
import { JWS_CHARACTERS_MAX, MESSAGE_CHARACTERS_MAX, TICKET_BYTES_MAX } from './limits.ts';

type Check = (value: unknown) => boolean;

/**
 * A message as the server's array gives it, or null for a type that this version does not know.
 *
 * @throws LmError `protocol` when a known type has other fields than it should.
 */
export function readServerMessage(fields: readonly unknown[]): ServerMessage | null {
  const [type, sequence, ...rest] = fields;
  if (!isCount(type) || !isCount(sequence)) throw malformed(type);
  const shape = SHAPES.get(type);
  if (shape === undefined) return null;
  if (!shape.every((check, index) => check(rest[index]))) throw malformed(type);
  return fields as unknown as ServerMessage;
}

/** The error that a server's `denied`, `gone` or `error` message stands for. */
export function errorFrom(
  code: string,
  message: string,
  hint: string,
  details: Readonly<Record<string, unknown>> = {},
): LmError {
  const short = (text: string) => text.slice(0, MESSAGE_CHARACTERS_MAX);
  if (isErrorCode(code)) return new LmError(code, short(message), short(hint), details);
  // A newer server may refuse for a reason that this version has no name for.
  return new LmError('not-authorized', short(message), short(hint), { ...details, reason: code });
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
/** Durations and times; a server may send fractions of a millisecond. */
const isTime: Check = (value) => Number.isFinite(value) && Number(value) >= 0;
const isText: Check = (value) => typeof value === 'string';
const isFlag: Check = (value) => typeof value === 'boolean';
const isObject: Check = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isBytes: Check = (value) => value instanceof Uint8Array && value.length <= TICKET_BYTES_MAX;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
/** Servers of before it was there do not send it. */
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isToken: Check = (value) => typeof value === 'string' && value.length <= JWS_CHARACTERS_MAX;
const isTuple = (value: unknown, checks: readonly Check[]) =>
  Array.isArray(value) && checks.every((check, index) => check(value[index]));
const isServers: Check = (value) =>
  Array.isArray(value) &&
  value.length <= SERVERS_MAX &&
  value.every((server) => isTuple(server, [isText, isText, isText]));
const AUTHORIZATION: readonly Check[] = [
  isBytes,
  ...[isText, isText, isText, isCount],
  ...[isText, isText, isText, isCount, isText],
  ...[isTime, isTime, isText],
];
const isAuthorizations: Check = (value) =>
  Array.isArray(value) &&
  value.length <= STATUS_PAGE_MAX &&
  value.every((fields) => isTuple(fields, AUTHORIZATION));

/** The fields behind type and sequence, in order; more may follow. */
const SHAPES: ReadonlyMap<number, readonly Check[]> = new Map([
  [MessageType.welcome, [isCount, isText, isText, isCount, isText, isCount, isServers]],
  [MessageType.error, [isText, isText, isText, isObject]],
  [MessageType.grant, [isBytes, isTime, isText, isText, isText, isCount, isCount]],
  [MessageType.waiting, [isCount, isCount, isTime, orAbsent(isBytes)]],
  [MessageType.denied, [isText, isText, isText, isObject]],
  [MessageType.verdict, [isText, isText, isText, isObject]],
  [MessageType.alive, [isBytes, isTime, isCount]],
  [MessageType.gone, [isText, isText, isText]],
  [MessageType.fenced, [isCount, isText]],
  [MessageType.released, [isFlag, isCount]],
  [MessageType.statusPage, [orNull(isObject), isAuthorizations, orNull(isBytes)]],
  [MessageType.rlf, [isText]],
  [MessageType.rlfPushed, [isCount, orNull(isObject)]],
  [MessageType.proof, [isToken]],
  [MessageType.done, [isObject]],
] as [number, readonly Check[]][]);

function malformed(type: unknown): LmError {
  return new LmError(
    'protocol',
    `The server sent a malformed message (type ${String(type).slice(0, 20)}).`,
    'Check that the address is that of an lm server, and that both sides are up to date.',
  );
}
