/**
 * One round over the servers of a pool: each is dialled a little later than the one before, or as
 * soon as that one failed, and the first that answers is taken. A server that hangs holds up
 * nobody.
 */
import { LmError } from '../../engine/errors.ts';
import { type Connection, closedHere } from './connection.ts';
import { DIAL_STAGGER_MS } from './limits.ts';
import { linkedSignal } from './linked-signal.ts';
import type { Cancel, Scheduler } from './scheduler.ts';
import type { Target } from './trust.ts';

/** A connection to a server that was found to be trusted. */
export interface Opened {
  readonly connection: Connection;
  /** The vendor whose key was checked, or null. */
  readonly vendor: string | null;
}

export interface RaceOptions {
  /** In the order to dial. */
  readonly targets: readonly Target[];
  readonly open: (target: Target, signal: AbortSignal) => Promise<Opened>;
  /** One error for a round in which no server could be had. */
  readonly failure: (failures: readonly LmError[]) => LmError;
  readonly scheduler: Scheduler;
  readonly signal: AbortSignal;
}

/** @throws LmError `failure` of what each server failed with; or the signal's reason. */
export function race(options: RaceOptions): Promise<Opened> {
  const { open, scheduler } = options;
  const { signal, abort, unlink } = linkedSignal(options.signal);
  const queue = [...options.targets];
  const failures: LmError[] = [];
  return new Promise((resolve, reject) => {
    let running = 0;
    let stagger: Cancel | null = null;
    const finish = (settle: () => void) => {
      stagger?.();
      settle();
      unlink();
      // The others that are still being dialled.
      abort(closedHere());
    };
    const next = () => {
      stagger?.();
      const target = queue.shift();
      if (target === undefined) {
        if (running === 0) finish(() => reject(options.failure(failures)));
        return;
      }
      running += 1;
      if (queue.length > 0) stagger = scheduler.after(DIAL_STAGGER_MS, next);
      open(target, signal).then(
        (opened) => {
          if (signal.aborted) opened.connection.close(closedHere());
          else finish(() => resolve(opened));
        },
        (error) => {
          running -= 1;
          if (signal.aborted) return finish(() => reject(options.signal.reason));
          if (!(error instanceof LmError)) return finish(() => reject(error));
          failures.push(error);
          next();
        },
      );
    };
    next();
  });
}
