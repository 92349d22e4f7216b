/** Pushing an RLF to the server that is connected, in parts that fit its frames. */
import { RLF_PART_BYTES_MAX } from '../../engine/limits.ts';
import { MessageType, type RlfPush, type RlfTaken } from '../protocol.ts';
import { type Connection, failureIn, unexpected } from './connection.ts';
import { JUDGE_MS_MAX, REPLY_MS_MAX } from './limits.ts';

/**
 * Returns what the server says of it; of a trial, what it would say. That it was taken does not
 * mean that it is in force: the status of the pool tells when it is, and where.
 *
 * @throws LmError why the server refuses it, or `unreachable`: it may have been taken.
 */
export async function pushRlf(
  connection: Connection,
  text: string,
  isTrial: boolean,
): Promise<RlfTaken> {
  const bytes = Buffer.from(text, 'utf8');
  for (let offset = 0; offset < bytes.length; ) {
    const from = offset;
    const part = bytes.subarray(from, from + RLF_PART_BYTES_MAX);
    const isLast = from + part.length === bytes.length;
    const build = (sequence: number): RlfPush => {
      return [MessageType.rlfPush, sequence, bytes.length, from, part, isTrial];
    };
    const { message } = await connection.call(build, isLast ? JUDGE_MS_MAX : REPLY_MS_MAX);
    if (message[0] !== MessageType.rlfPushed)
      throw failureIn(message) ?? unexpected(connection.address);
    const [, , taken, rlf] = message;
    if (isLast && rlf !== null) return rlf;
    offset = taken;
    if (offset !== from + part.length) break;
  }
  throw unexpected(connection.address);
}
