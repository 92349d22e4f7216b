/**
 * The signals of `lm exec`: before the command runs they end the waiting, afterwards they go to the
 * command. What a terminal sends, it sends to the command by itself: that is not doubled.
 */
import type { ChildProcess } from 'node:child_process';
import { Interrupted } from './interrupt.ts';
import { inForeground } from './process-facts.ts';

const ENDING = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const;
const OTHER = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH', 'SIGCONT']);

export class SignalRelay {
  readonly #abort = new AbortController();
  readonly #unlisten: readonly (() => void)[];
  #child: ChildProcess | null = null;

  constructor(ignored: ReadonlySet<string>) {
    const signals = [...ENDING, ...OTHER].filter((name) => !ignored.has(name));
    this.#unlisten = signals.map((name) => {
      const onSignal = () => this.#receive(name);
      process.on(name, onSignal);
      return () => process.off(name, onSignal);
    });
  }

  /** Aborted, by a reason of class Interrupted, when a signal came before the command ran. */
  get interrupted(): AbortSignal {
    return this.#abort.signal;
  }

  relayTo(child: ChildProcess): void {
    this.#child = child;
  }

  stop(): void {
    for (const unlisten of this.#unlisten) unlisten();
  }

  #receive(name: (typeof ENDING | typeof OTHER)[number]): void {
    if (this.#child !== null) {
      if (!FROM_TERMINAL.has(name) || !inForeground()) this.#child.kill(name);
      return;
    }
    const ending = ENDING.find((one) => one === name);
    if (ending !== undefined) this.#abort.abort(new Interrupted(ending));
  }
}
