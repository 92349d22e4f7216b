/**
 * What names, applications and fingerprints may look like. A `…Problem` function says in words what
 * is wrong with a text, to follow its name in a sentence, or null where nothing is.
 */
import { APPLICATION_BYTES_MAX, NAME_CHARACTERS_MAX } from '../limits.ts';

/**
 * Characters that could move a cursor, hide text or pretend to be another line: controls, lone
 * surrogates, line and paragraph separators, bidirectional marks and overrides.
 */
export const UNSAFE_CHARACTERS =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Names of pools, servers and vendors. "." and ".." are left out: names become folder names. */
export function nameProblem(text: string): string | null {
  if (NAME.test(text) && text.length <= NAME_CHARACTERS_MAX && !/^\.+$/.test(text)) return null;
  return `is not a name (1 to ${NAME_CHARACTERS_MAX} of A-Z a-z 0-9 . _ -, not only dots)`;
}

/** Application names: printable text in Unicode's composed form, so that equal looks are equal. */
export function applicationProblem(text: string): string | null {
  if (text === '') return 'is empty';
  if (Buffer.byteLength(text) > APPLICATION_BYTES_MAX) {
    return `is longer than ${APPLICATION_BYTES_MAX} bytes`;
  }
  if (text.search(UNSAFE_CHARACTERS) !== -1) return 'has control or bidirectional characters';
  if (text !== text.trim()) return 'begins or ends with a space';
  return text === text.normalize('NFC') ? null : 'is not in composed form (Unicode NFC)';
}

/** Identifiers of license codes. */
export function codeIdProblem(text: string): string | null {
  return CODE_ID.test(text) ? null : 'is not an identifier (1 to 63 of A-Z a-z 0-9 . _ : -)';
}

export function fingerprintProblem(text: string): string | null {
  if (FINGERPRINT.test(text)) return null;
  return 'is not a fingerprint (sha256: and 64 lower-case hexadecimal digits)';
}

/** A text from outside, short and in quotes, for a message. */
export function quoted(text: string): string {
  return `"${text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text}"`;
}

const NAME = /^[A-Za-z0-9._-]+$/;
const CODE_ID = /^[A-Za-z0-9._:-]{1,63}$/;
const FINGERPRINT = /^sha256:[0-9a-f]{64}$/;
const QUOTED_MAX = 80;
