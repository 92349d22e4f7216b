import { UNSAFE_CHARACTERS } from '../../engine/license/names.ts';

/**
 * Text that came from outside, made safe for a terminal: control characters, bidirectional
 * overrides and line separators appear as escapes, so that a name can neither move the cursor nor
 * pretend to be another line.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE_CHARACTERS, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
