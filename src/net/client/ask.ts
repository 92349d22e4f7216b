/**
 * Asking for seats: over the pools in order, over a pool's servers, again after a lost connection
 * (under the same key, so that a retry finds its own grant), and for as long as the patience lasts.
 */
import { LmError } from '../../engine/errors.ts';
import { RETRIES_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Scheduler } from './scheduler.ts';
import { askServer, type Granted, type Place, type Wish } from './waiter.ts';

/** What a waiting request waits for: its turn in the line, or a server that can serve it. */
export type WaitingNews = { readonly place: Place } | { readonly obstacle: LmError };

export interface AskOptions {
  readonly key: Uint8Array;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly onWaiting: (news: WaitingNews) => void;
  readonly scheduler: Scheduler;
}

export interface Answer {
  readonly link: PoolLink;
  readonly granted: Granted;
}

interface Refusal {
  readonly link: PoolLink;
  readonly error: LmError;
}

/** @throws LmError a denial, `unreachable` and its like, `timeout`; or the signal's reason. */
export async function ask(
  links: readonly PoolLink[],
  wish: Wish,
  options: AskOptions,
): Promise<Answer> {
  const { scheduler, waitMs, signal, onWaiting } = options;
  const deadline = scheduler.clock() + waitMs;
  // Of several pools, all are asked before the line of one is joined.
  let lineOf: PoolLink | null = links.length === 1 ? (links[0] ?? null) : null;
  for (;;) {
    const refusals: Refusal[] = [];
    for (const link of lineOf === null ? links : [lineOf]) {
      signal.throwIfAborted();
      const patienceUntil = link === lineOf ? deadline : 0;
      const result = await askPool(link, wish, { ...options, patienceUntil });
      if (!(result instanceof LmError)) return { link, granted: result };
      refusals.push({ link, error: result });
    }
    const best = mostHopeful(refusals);
    const left = deadline - scheduler.clock();
    if (waitMs === 0 || hope(best.error) < WORTH_WAITING) throw best.error;
    if (left <= 0) throw timedOut(waitMs, best.error);
    if (lineOf === null && IN_USE_CODES.has(best.error.code)) {
      lineOf = best.link;
      continue;
    }
    if (links.length > 1) lineOf = null;
    onWaiting({ obstacle: best.error });
    await scheduler.sleep(Math.min(left, best.link.nextPauseMs()), signal);
  }
}

/** One pool. Returns a refusal; throws the signal's reason, or what is a defect. */
async function askPool(
  link: PoolLink,
  wish: Wish,
  options: AskOptions & { readonly patienceUntil: number },
): Promise<Granted | LmError> {
  const { key, scheduler, signal } = options;
  const asked = new Set<string>();
  for (let retries = 0; ; ) {
    let sent = false;
    try {
      const connection = await abortable(link.connect(), signal);
      sent = true;
      asked.add(connection.address);
      const vendor = wish.vendor ?? link.vendor;
      return await askServer(connection, { ...wish, vendor }, options);
    } catch (error) {
      // Leaves the line, or gives back what was granted meanwhile.
      if (signal.aborted && sent) void link.releaser.give({ key, ticket: NO_TICKET }, 0);
      signal.throwIfAborted();
      if (!(error instanceof LmError)) throw error;
      const seatsToo = error.code === 'no-majority';
      if (ELSEWHERE_CODES.has(error.code) && link.moveOn(asked, seatsToo)) continue;
      if (error.code !== 'unreachable' || !sent) return error;
      retries += 1;
      if (retries >= RETRIES_MAX) {
        // It may have been granted without our hearing of it.
        void link.releaser.give({ key, ticket: NO_TICKET }, 0);
        return error;
      }
      await scheduler.sleep(link.nextPauseMs(), signal);
    }
  }
}

const NO_TICKET = new Uint8Array(0);

/** Denials that the line, or another server, may turn into a grant. */
const IN_USE_CODES: ReadonlySet<string> = new Set(['all-in-use', 'busy']);
const ELSEWHERE_CODES: ReadonlySet<string> = new Set(['all-in-use', 'busy', 'no-majority']);

/** Of several pools' refusals the one that is likeliest to pass by itself. */
function mostHopeful(refusals: readonly Refusal[]): Refusal {
  const [best] = [...refusals].sort((a, b) => hope(b.error) - hope(a.error));
  if (best !== undefined) return best;
  throw new LmError('config', 'No pool is named.', 'Name one with --pool or LM_POOL.');
}

function hope({ code }: LmError): number {
  if (IN_USE_CODES.has(code)) return 3;
  if (code === 'no-majority' || code === 'unreachable') return WORTH_WAITING;
  return code === 'untrusted' || code === 'protocol' ? 1 : 0;
}

const WORTH_WAITING = 2;

function timedOut(waitMs: number, { code, message, hint, details }: LmError): LmError {
  const next = IN_USE_CODES.has(code) ? 'Wait longer, or see in the status who holds seats.' : hint;
  return new LmError('timeout', `Waited ${waitMs / 1_000} s in vain: ${message}`, next, {
    waitedMs: waitMs,
    last: { code, message, hint, ...details },
  });
}

/** Stops waiting for a shared promise when the signal comes; the promise itself goes on. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = () => signal.removeEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(settled);
  });
}
