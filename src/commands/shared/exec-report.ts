/** `lm exec --report FILE`: what happened, as JSON, for scripts that watch over the command. */
import { LmError } from '../../engine/errors.ts';
import { writeText } from './files.ts';
import { printable } from './printable.ts';
import type { Outcome } from './run-on-seat.ts';

export function outcomeReport({ seat, ...outcome }: Outcome): Record<string, unknown> {
  return { ...seat, ...outcome };
}

export function failureReport(error: unknown, exitCode: number): Record<string, unknown> {
  if (!(error instanceof LmError)) return { error: { message: String(error) }, exitCode };
  const { code, message, hint, details } = error;
  return { error: { code, message, hint, ...details }, exitCode };
}

/** The command has ended, so a report that can't be written changes no exit code. */
export function writeReport(file: string, report: Record<string, unknown>): void {
  try {
    writeText(file, `${JSON.stringify(report)}\n`, { replace: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`lm: ${printable(reason)}\n`);
  }
}
