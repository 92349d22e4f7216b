/** A line on standard error that changes: a spinner on a terminal, else a new line each time. */
export interface LiveLine {
  readonly say: (text: string) => void;
  /** Removes the spinner. */
  readonly stop: () => void;
}

interface Spinner {
  text: string;
  stop(): unknown;
}

/** `say` takes printable text. */
export function liveLine(): LiveLine {
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
    say: (text) => {
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
