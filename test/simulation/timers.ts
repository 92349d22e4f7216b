/**
 * Runs a piece of the server with timers and a clock that belong to the simulation. The node loop
 * schedules itself with the global ones; all of its work is synchronous, so they are lent for just
 * that long.
 */
import type { Cancel, Host } from './host.ts';

export interface Timers {
  readonly immediate: (run: () => void) => void;
  /** Returns what cancels it. */
  readonly timeout: (run: () => void, ms: number) => () => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** The timers of a process on that host; `guarded` sees to it that a dead one runs no more. */
export function timersOn(
  host: Host,
  gatherMs: () => number,
  guarded: (run: () => void) => () => void,
): Timers {
  return {
    immediate: (run): Cancel => host.later(gatherMs(), guarded(run)),
    timeout: (run, ms): Cancel => host.after(ms, guarded(run)),
    now: () => host.boot,
  };
}

/** Whose timers the global ones are right now. */
let lent: Timers | null = null;

const GLOBALS = {
  setImmediate: (work: () => void) => lent?.immediate(work),
  setTimeout: (work: () => void, ms: number) => lent?.timeout(work, ms),
  clearTimeout: (cancel: unknown) => {
    if (typeof cancel === 'function') cancel();
  },
  performance: { now: () => lent?.now() },
};

/** Runs a whole simulation; pieces of servers in it run `withTimers`. */
export function lendingTimers<T>(run: () => T): T {
  const { setImmediate, setTimeout, clearTimeout, performance } = globalThis;
  Object.assign(globalThis, GLOBALS);
  try {
    return run();
  } finally {
    Object.assign(globalThis, { setImmediate, setTimeout, clearTimeout, performance });
  }
}

/** To be called within `lendingTimers`. */
export function withTimers<T>(timers: Timers, run: () => T): T {
  const before = lent;
  lent = timers;
  try {
    return run();
  } finally {
    lent = before;
  }
}
