import { LmError } from '../../engine/errors.ts';
import type { Problem } from '../../engine/license/fields.ts';
import { quoted } from '../../engine/license/names.ts';
import { Flags } from './oclif.ts';

/**
 * A required flag whose text must be well-formed: `problem` says what is wrong with it, or null.
 */
export function textFlag(helpValue: string, description: string, problem: Problem) {
  return Flags.custom<string>({
    helpValue,
    parse: async (typed) => checkedText(typed.normalize('NFC'), problem),
  })({ description, required: true });
}

/** The text, or a failure of kind `usage` that says what is wrong with it. */
export function checkedText(text: string, problem: Problem): string {
  const complaint = problem(text);
  if (complaint === null) return text;
  throw new LmError('usage', `${quoted(text)} ${complaint}.`, 'Correct it and run lm again.');
}
