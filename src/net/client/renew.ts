/** Renews a seat that another process asked for: one heartbeat, and what came of it. */
import { LmError } from '../../engine/errors.ts';
import { type Heartbeat, MessageType } from '../protocol.ts';
import { failureIn, unexpected } from './connection.ts';
import { RETRIES_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import { errorFrom } from './replies.ts';
import type { Scheduler } from './scheduler.ts';

export interface Renewed {
  readonly ticket: Uint8Array;
  readonly lifetimeMs: number;
  /** When the heartbeat was sent (boot-time clock): the lifetime counts from here. */
  readonly sentAt: number;
}

/** @throws LmError `lost` where the seat has ended, a denial code, or `unreachable`. */
export async function renewSeat(
  link: PoolLink,
  seat: { readonly key: Uint8Array; readonly ticket: Uint8Array },
  scheduler: Scheduler,
): Promise<Renewed> {
  const { key, ticket } = seat;
  const build = (sequence: number): Heartbeat => [MessageType.heartbeat, sequence, key, ticket];
  for (let retries = 0; ; retries++) {
    const connection = await link.connect();
    try {
      const { message, sentAt } = await connection.call(build);
      if (message[0] === MessageType.alive) {
        return { ticket: message[2].slice(), lifetimeMs: message[3], sentAt };
      }
      if (message[0] !== MessageType.gone) {
        throw failureIn(message) ?? unexpected(connection.address);
      }
      const [, , code, text, hint] = message;
      throw code === 'unknown-key' ? new LmError('lost', text, hint) : errorFrom(code, text, hint);
    } catch (error) {
      const lost = error instanceof LmError && error.code === 'unreachable' && connection.closed;
      if (!lost || retries >= RETRIES_MAX) throw error;
      await scheduler.sleep(link.nextPauseMs());
    }
  }
}
