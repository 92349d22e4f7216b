/** What a signal interrupts: the work is told to stop in order, and lm exits as the signal says. */
import { constants } from 'node:os';
import { ignoredSignals } from './process-facts.ts';

/** The signals that end a command which is waiting. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: (typeof ENDING)[number]) {
    super(signal);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Runs work that a signal aborts; an ignored signal (nohup) stays ignored. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ignored = ignoredSignals();
  const abort = new AbortController();
  const listeners = ENDING.filter((name) => !ignored.has(name)).map((name) => {
    const onSignal = () => abort.abort(new Interrupted(name));
    process.on(name, onSignal);
    return () => process.off(name, onSignal);
  });
  try {
    return await work(abort.signal);
  } finally {
    for (const unlisten of listeners) unlisten();
  }
}
