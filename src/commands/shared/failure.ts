/**
 * How a failure reaches a person, a script and the shell: two lines, a JSON object, an exit code.
 */

import { LmError } from '../../engine/errors.ts';
import { jsonText } from '../../engine/json-text.ts';
import { Errors } from './oclif.ts';
import { printable } from './printable.ts';

/** Prints the failure and sets the exit code. Only a defect in lm shows a stack trace. */
export function reportFailure(error: unknown, argv: readonly string[]): void {
  if (error instanceof Errors.ExitError) {
    process.exitCode = error.oclif.exit ?? 0;
    return;
  }
  const known = error instanceof LmError ? error : asUsageError(error);
  if (known === null) {
    process.exitCode = 1;
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (wantsJson(argv)) printJson({ code: 'internal', message: String(error), hint: REPORT });
    process.stderr.write(`lm: a defect in lm itself: ${stack}\n${REPORT}\n`);
    return;
  }
  process.exitCode = known.exitCode;
  if (wantsJson(argv)) {
    printJson({
      code: known.code,
      message: unframed(known.message),
      hint: known.hint,
      ...known.details,
    });
    return;
  }
  const { hint } = known;
  const message = unframed(known.message);
  process.stderr.write(
    `lm: ${printable(message)}\n${hint === '' ? '' : `    ${printable(hint)}\n`}`,
  );
}

const REPORT = 'Please report this with the lines above.';

function printJson(error: Record<string, unknown>): void {
  process.stdout.write(`${jsonText({ error })}\n`);
}

/** `--json` before `--`: parsing may have failed, so the flags can't be asked. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

/** oclif puts the flag's name, in its own way, before the message of what a flag's parser threw. */
function unframed(message: string): string {
  return message.replace(/^Parsing (--\S+) \n\t([\s\S]*)\nSee more help with --help$/, '$1: $2');
}

/** What oclif throws for unknown commands, flags and arguments is wrong usage. */
function asUsageError(error: unknown): LmError | null {
  if (!(error instanceof Errors.CLIError)) return null;
  const [first = 'wrong usage', ...rest] = unframed(error.message)
    .split('\n')
    .filter((line) => line !== '' && !/^The following errors? occurred:$/.test(line));
  const hint = rest.find((line) => !line.startsWith('See more help')) ?? '';
  return new LmError(
    'usage',
    first.trim(),
    hint === '' ? 'Run the command with --help.' : hint.trim(),
  );
}
