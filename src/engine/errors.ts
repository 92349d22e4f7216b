/**
 * Expected failures: what a peer, a file, a user or the world did. Each has a code that scripts
 * rely on, a sentence that says what happened and one that says what to do next. Anything else that
 * is thrown is a defect in lm.
 */

/** Why a request for seats was refused. Sent on the wire as is. */
export const DENIAL_CODES = [
  'all-in-use',
  'busy',
  'exceeds-limit',
  'expired',
  'not-yet-valid',
  'unknown-application',
  'version-not-licensed',
  'evicted',
  'not-authorized',
  'denied-by-policy',
  'no-majority',
] as const;

export type DenialCode = (typeof DENIAL_CODES)[number];

/** Every `error.code`, with the exit code that goes with it. */
export const EXIT_CODES = {
  internal: 1,
  usage: 64,
  'bad-data': 65,
  'rolled-back': 65,
  unreachable: 69,
  'no-majority': 69,
  'all-in-use': 75,
  busy: 75,
  untrusted: 76,
  protocol: 76,
  'exceeds-limit': 77,
  expired: 77,
  'not-yet-valid': 77,
  'unknown-application': 77,
  'version-not-licensed': 77,
  evicted: 77,
  'not-authorized': 77,
  'denied-by-policy': 77,
  config: 78,
  lost: 79,
  timeout: 124,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof EXIT_CODES;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(EXIT_CODES, code);
}

/** Further fields of the JSON error object: numbers, names, the last reason. Never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export class LmError extends Error {
  override readonly name = 'LmError';
  readonly code: ErrorCode;
  /** What to do next, one sentence. */
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, hint: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.details = details;
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** An invariant of lm itself: when it does not hold, the process must not go on. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${invariant}`);
}
