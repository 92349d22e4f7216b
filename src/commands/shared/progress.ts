/** What a waiting request tells meanwhile, on standard error: a spinner, or lines that change. */
import type { WaitingNews } from '../../net/client/ask.ts';
import { printable } from './printable.ts';

export interface Progress {
  readonly onWaiting: (news: WaitingNews) => void;
  /** Removes the spinner. */
  readonly stop: () => void;
}

interface Spinner {
  text: string;
  stop(): unknown;
}

export function waitingProgress(application: string): Progress {
  const name = printable(application);
  let last = '';
  let spinner: Spinner | null = null;
  let stopped = false;
  const spin = async (text: string) => {
    const { default: ora } = await import('ora');
    if (stopped || spinner !== null) return;
    const color = process.env['NO_COLOR'] ? false : 'cyan';
    // Keys typed meanwhile belong to the command that starts next.
    spinner = ora({ text, color, discardStdin: false, hideCursor: true }).start();
  };
  return {
    onWaiting: (news) => {
      const text = `Waiting for ${name}: ${wordsFor(news)}`;
      if (text === last || stopped) return;
      last = text;
      if (!canSpin()) process.stderr.write(`${text}\n`);
      else if (spinner === null) void spin(text);
      else spinner.text = text;
    },
    stop: () => {
      stopped = true;
      spinner?.stop();
      spinner = null;
    },
  };
}

/**
 * A terminal that does not know its width says 0, as a new pty does: ora would divide by it, and
 * clear lines without end.
 */
function canSpin(): boolean {
  return process.stderr.isTTY === true && process.stderr.columns > 0;
}

function wordsFor(news: WaitingNews): string {
  if ('obstacle' in news) return printable(news.obstacle.message);
  const { position, waiting } = news.place;
  return position === 1
    ? `next in the line of ${waiting}`
    : `place ${position} in the line of ${waiting}`;
}
