/**
 * Asking for seats: over the pools in order, and for as long as the patience lasts. All servers are
 * asked for an answer now before the line of one is joined.
 */
import { LmError } from '../../engine/errors.ts';
import { type Answer, askPool, NO_TICKET, type PoolRefusal } from './ask-pool.ts';
import type { PoolLink } from './link.ts';
import { isInUse, isWorthWaiting, mostHopeful } from './refusal.ts';
import type { Scheduler } from './scheduler.ts';
import type { Place, PlaceTicket, Wish } from './waiter.ts';

/** What a waiting request waits for: its turn in the line, or a server that can serve it. */
export type WaitingNews = { readonly place: Place } | { readonly obstacle: LmError };

export interface AskOptions {
  readonly key: Uint8Array;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly onWaiting: (news: WaitingNews) => void;
  readonly scheduler: Scheduler;
  /** Gathers the pools where a request went out whose answer was lost. */
  readonly unheard?: Set<PoolLink> | undefined;
}

/** @throws LmError a denial, `unreachable` and its like, `timeout`; or the signal's reason. */
export async function ask(
  links: readonly PoolLink[],
  wish: Wish,
  options: AskOptions,
): Promise<Answer> {
  const unheard = options.unheard ?? new Set<PoolLink>();
  try {
    const place = { newest: null };
    return await askUntilGranted(links, wish, { ...options, unheard, place });
  } catch (error) {
    // Seats may have been granted without our hearing of it.
    const seats = { key: options.key, ticket: NO_TICKET };
    for (const link of unheard) void link.releaser.give(seats, 0);
    throw error;
  }
}

interface Asking extends AskOptions {
  /** Where a request went out whose answer was lost. */
  readonly unheard: Set<PoolLink>;
  readonly place: PlaceTicket;
}

/** The line to join: of this pool, at this server (HOST:PORT), or at the one connected to. */
interface Line {
  readonly link: PoolLink;
  readonly address: string | null;
}

async function askUntilGranted(
  links: readonly PoolLink[],
  wish: Wish,
  options: Asking,
): Promise<Answer> {
  const { scheduler, waitMs, signal, onWaiting, unheard, place } = options;
  const deadline = scheduler.clock() + waitMs;
  let line = onlyLine(links);
  for (;;) {
    const refusals: PoolRefusal[] = [];
    for (const link of line === null ? links : [line.link]) {
      signal.throwIfAborted();
      const patienceUntil = line === null ? 0 : deadline;
      const first = line?.address ?? null;
      const result = await askPool(link, wish, { ...options, patienceUntil, first });
      if ('granted' in result) return result;
      if (result.unheard) unheard.add(link);
      refusals.push(result);
    }
    const { link, address, error } = mostHopeful(refusals);
    const left = deadline - scheduler.clock();
    if (waitMs === 0 || !isWorthWaiting(error)) throw error;
    if (left <= 0) throw timedOut(waitMs, error);
    if (line === null && isInUse(error)) {
      line = { link, address };
    } else {
      // Who has a place goes on with it as soon as any server lets it in.
      line = place.newest === null ? onlyLine(links) : { link, address: null };
      onWaiting({ obstacle: error });
      await scheduler.sleep(Math.min(left, link.nextPauseMs()), signal);
    }
  }
}

/** Where there is one server in all, nobody else is to be asked before its line is joined. */
function onlyLine(links: readonly PoolLink[]): Line | null {
  const [link, ...others] = links;
  if (link === undefined || others.length > 0 || link.servers.targets.length > 1) return null;
  return { link, address: null };
}

function timedOut(waitMs: number, error: LmError): LmError {
  const { code, message, hint, details } = error;
  const next = isInUse(error) ? 'Wait longer, or see in the status who holds seats.' : hint;
  return new LmError('timeout', `Waited ${waitMs / 1_000} s in vain: ${message}`, next, {
    waitedMs: waitMs,
    last: { code, message, hint, ...details },
  });
}
