/** Failures of the file system, in words. */
import { type ErrorCode, LmError } from '../../engine/errors.ts';

/** A failure of the file system as an expected error; anything else as it came. */
export function fileError(
  code: ErrorCode,
  of: { path: string; doing: string; error: unknown },
): unknown {
  if (of.error instanceof LmError) return of.error;
  const reason = codeOf(of.error);
  if (reason === null) return of.error;
  const why = REASONS[reason] ?? `the system says ${reason}`;
  return new LmError(code, `${of.path} can not be ${of.doing}: ${why}.`, 'Check the path.');
}

/** The system's name of a failure, such as ENOENT; null for another error. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code) ? error.code : null;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOTDIR: 'part of its path is not a directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'no space is left',
  EROFS: 'the file system is read-only',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'its name is too long',
};
