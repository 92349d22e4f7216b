/**
 * Renews a seat that another process asked for: one heartbeat, and what came of it. Where the
 * seat's server was just lost, it waits a while for the pool to fence it, and claims the seat.
 */
import { LmError } from '../../engine/errors.ts';
import { Backoff } from './backoff.ts';
import type { Connection } from './connection.ts';
import { type Beat, type BeatAnswer, PASSING_CODES, sendHeartbeat } from './heartbeat.ts';
import {
  BACKOFF_MS_MAX,
  BUSY_ANSWERS_MAX,
  CLAIMS_MAX,
  FENCING_MS_MAX,
  RENEWAL_PAUSE_MS_MIN,
  RETRIES_MAX,
} from './limits.ts';
import type { PoolLink } from './link.ts';
import { machineName } from './machine.ts';
import type { Scheduler } from './scheduler.ts';
import type { PortableSeat } from './seat-text.ts';

export interface Renewed {
  readonly ticket: Uint8Array;
  readonly lifetimeMs: number;
  /** When the heartbeat was sent (boot-time clock): the lifetime counts from here. */
  readonly sentAt: number;
  /** The server that took the seat over, or null where it lives where it lived. */
  readonly claimedBy: string | null;
}

export interface RenewOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  /** Takes over seats that are held (`--hold`). */
  readonly takes?: boolean;
}

/** @throws LmError `lost` where the seat has ended, a denial code, or `unreachable`. */
export async function renewSeat(
  link: PoolLink,
  seat: PortableSeat,
  { scheduler, random, takes = false }: RenewOptions,
): Promise<Renewed> {
  const { clock } = scheduler;
  const deadline = clock() + FENCING_MS_MAX;
  const backoff = new Backoff({ firstMs: RENEWAL_PAUSE_MS_MIN, maxMs: BACKOFF_MS_MAX, random });
  for (let [tries, losses] = [0, 0]; ; tries++) {
    const connection = await link.connect();
    try {
      const answer = await beatOrClaim(connection, seat, { clock, takes });
      if (answer.kind === 'alive') return answer;
      const failure = failureIn(answer, runs(seat, clock));
      if (!PASSING_CODES.has(failure.code) || clock() >= deadline) throw failure;
      if (failure.code !== 'busy' || tries % BUSY_ANSWERS_MAX > 0) link.moveOn(connection);
    } catch (error) {
      const lost = error instanceof LmError && error.code === 'unreachable' && connection.closed;
      if (!lost || ++losses > RETRIES_MAX) throw error;
    }
    await scheduler.sleep(backoff.next());
  }
}

/** Follows one fence to the next, as long as the seat's lifetime runs. */
async function beatOrClaim(
  connection: Connection,
  seat: PortableSeat,
  { clock, takes }: { readonly clock: () => number; readonly takes: boolean },
): Promise<BeatAnswer> {
  const { key, ticket } = seat;
  let fence: number | null = null;
  for (let claims = 0; ; claims++) {
    const beat: Beat = { key, ticket, lifetimeMs: null, fence, takes };
    const answer = await sendHeartbeat(connection, beat);
    const follows = answer.kind === 'fenced' && answer.fence !== fence && claims < CLAIMS_MAX;
    if (!follows || !runs(seat, clock)) return answer;
    fence = answer.fence;
  }
}

/** Whether the lifetime runs for certain: who renews a seat may not be who asked for it. */
function runs({ runs: told }: PortableSeat, clock: () => number): boolean {
  return told !== undefined && told.machine === machineName() && clock() < told.until;
}

function failureIn(answer: BeatAnswer & { readonly kind: 'gone' | 'fenced' }, valid: boolean) {
  if (answer.kind === 'fenced') {
    const message = `Server ${answer.server}, which holds the seat, is out of the pool.`;
    if (valid) return new LmError('busy', message, 'Try again in a moment.');
    return new LmError('lost', message, 'Ask for a seat anew: its lifetime may be over.');
  }
  const { code, error } = answer;
  return code === 'unknown-key' ? new LmError('lost', error.message, error.hint) : error;
}
