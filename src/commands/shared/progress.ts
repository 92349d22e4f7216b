/** What a waiting request tells meanwhile, on standard error. */
import type { WaitingNews } from '../../net/client/ask.ts';
import { liveLine } from './live-line.ts';
import { printable } from './printable.ts';

export interface Progress {
  readonly onWaiting: (news: WaitingNews) => void;
  /** Removes the spinner. */
  readonly stop: () => void;
}

export function waitingProgress(application: string): Progress {
  const name = printable(application);
  const { say, stop } = liveLine();
  return { onWaiting: (news) => say(`Waiting for ${name}: ${wordsFor(news)}`), stop };
}

function wordsFor(news: WaitingNews): string {
  if ('obstacle' in news) return printable(news.obstacle.message);
  const { position, waiting } = news.place;
  return position === 1
    ? `next in the line of ${waiting}`
    : `place ${position} in the line of ${waiting}`;
}
