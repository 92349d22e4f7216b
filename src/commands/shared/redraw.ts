/** What commands that show something live have in common. */

/** Cursor to the upper left, and everything below it gone. */
export const CLEAR = '\x1b[H\x1b[2J';

/** Until the next look, or until the signal ends the command. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
