/**
 * Administrative acts (DESIGN section 9): a document signed by the admin key, which names the pool,
 * its epoch and the server that is to carry it out.
 */
import { type ErrorDetails, LmError } from '../../engine/errors.ts';
import { quoted } from '../../engine/license/names.ts';
import { type Act, MessageType } from '../protocol.ts';
import { type Connection, failureIn, unexpected } from './connection.ts';
import type { PoolLink } from './link.ts';
import { errorFrom } from './replies.ts';

/** What the document of an act names. */
export interface ServerNow {
  readonly pool: string;
  readonly epoch: number;
  readonly server: string;
}

export interface SignedAct {
  /** The canonical JSON that was signed. */
  readonly document: string;
  readonly signature: string;
}

/** @throws LmError what the server refuses it for, or `unreachable`: then it may have been done. */
export async function sendAct(
  connection: Connection,
  { document, signature }: SignedAct,
): Promise<ErrorDetails> {
  const build = (sequence: number): Act => [MessageType.act, sequence, document, signature];
  const { message } = await connection.call(build);
  if (message[0] === MessageType.done) return message[2];
  if (message[0] !== MessageType.gone) throw failureIn(message) ?? unexpected(connection.address);
  const [, , code, text, hint] = message;
  throw errorFrom(code, text, hint);
}

/**
 * Speaks to the server of this name, or without one to the server that is connected.
 *
 * @throws LmError `usage` where the pool has no such server, `unreachable`.
 */
export async function withServer<T>(
  link: PoolLink,
  server: string | undefined,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  if (server === undefined) return await use(await link.connect());
  // Servers named by address get their names from the first that answers.
  if (link.servers.named(server) === null) await link.connect();
  const target = link.servers.named(server);
  if (target !== null) return await link.at(target, ({ connection }) => use(connection));
  const names = link.servers.targets.flatMap((one) => one.server ?? []);
  const message = `The pool has no server ${quoted(server)}.`;
  throw new LmError('usage', message, `It has ${names.join(', ')}.`);
}
