/** What the operating system says about files, in sentences with a next step. */
import { statfsSync } from 'node:fs';
import { constants } from 'node:os';
import { LmError } from '../errors.ts';

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/**
 * Names what went wrong while `doing` ("write to", "open", …) something with `path`. Anything that
 * doesn't come from the operating system or from LMDB is a defect, and is returned as it is.
 */
export function asDiskError(error: unknown, doing: string, path: string): unknown {
  if (error instanceof LmError || !(error instanceof Error) || !('code' in error)) return error;
  const code = typeof error.code === 'number' ? (NAMES.get(error.code) ?? 'LMDB') : error.code;
  if (typeof code !== 'string') return error;
  const name = code === 'EIO' && isFull(path) ? 'ENOSPC' : code;
  const [why, hint] = EXPLANATIONS[name] ?? [error.message, 'Look at the disk, then start again.'];
  return new LmError('config', `Can't ${doing} ${path}: ${why}.`, hint, { path, system: name });
}

/** LMDB calls it EIO when the disk takes only a part of what it writes. */
function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize < FULL_BYTES;
  } catch {
    return false;
  }
}

const FULL_BYTES = 1024 * 1024;

const NO_SPACE = [
  'no space is left on the disk',
  'Free some space and start again; nothing that was acknowledged is lost.',
] as const;
const NOT_ALLOWED = [
  'permission denied',
  'Run lm as the user that owns the directory and everything in it.',
] as const;
const BROKEN = [
  'the disk reports an error',
  'Look for a full or failing disk, then start again; nothing that was acknowledged is lost.',
] as const;

const EXPLANATIONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EIO: BROKEN,
  EROFS: ['the file system is read-only', 'Mount it for writing, or choose another directory.'],
  ENOENT: ['it does not exist', 'Check the path.'],
  ENOTDIR: ['it is not a directory', 'Check the path.'],
  EMFILE: ['too many files are open', 'Raise the limit of open files (ulimit -n).'],
  ENOMEM: ['memory is short', 'Raise the memory limit (ulimit -v, or that of the container).'],
};
