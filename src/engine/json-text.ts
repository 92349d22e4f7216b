import { UNSAFE_CHARACTERS } from './license/names.ts';

/**
 * JSON on one line, for logs and standard output. JSON itself escapes no more than it must; here
 * all that could disturb a terminal is escaped, and what is parsed is still the same.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE_CHARACTERS, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
