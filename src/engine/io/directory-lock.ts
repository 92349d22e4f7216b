/**
 * One server to a directory. The lock is flock(2): the kernel drops it when the process ends,
 * however it ends, so there is no stale lock to remove after a kill -9. LMDB's own lock file would
 * not do: it lets several processes in, and the second then waits for the first's transaction.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LmError } from '../errors.ts';
import { asDiskError } from './disk-error.ts';
import { libc } from './libc.ts';

export const LOCK_FILE = 'lm.lock';

const LOCK_EXCLUSIVE_NOW = 2 | 4;
/** The file always has this length, so that to write the process id needs no space on disk. */
const PID_CHARACTERS = 15;

/** Locks `directory` until the returned function is called. Throws `config` where it is locked. */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, LOCK_FILE);
  const { flock } = libc({ flock: { args: ['i32', 'i32'], returns: 'i32' } });
  const descriptor = openLockFile(path);
  if (flock(descriptor, LOCK_EXCLUSIVE_NOW) !== 0) {
    closeSync(descriptor);
    throw lockedBy(directory, readFileSync(path, 'latin1').trim());
  }
  try {
    writeSync(descriptor, `${String(process.pid).padEnd(PID_CHARACTERS)}\n`, 0);
  } catch (error) {
    closeSync(descriptor);
    throw asDiskError(error, 'write', path);
  }
  return () => closeSync(descriptor);
}

function openLockFile(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw asDiskError(error, 'open', path);
    }
  }
  try {
    return openSync(path, 'w+', 0o600);
  } catch (error) {
    throw asDiskError(error, 'create', path);
  }
}

function lockedBy(directory: string, pid: string): LmError {
  const holder = /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
  return new LmError(
    'config',
    `${directory} is in use by ${holder}.`,
    'Stop that server first, or give this one a directory of its own.',
    { directory, pid: /^\d+$/.test(pid) ? Number(pid) : null },
  );
}
